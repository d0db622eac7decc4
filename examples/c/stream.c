/*
 * Streams an answer, printing each chunk as it comes, then the attempt log: what was tried, when, and how it ended.
 *
 *   stream CONFIG_FILE MODEL_GROUP
 */

#include <hedgerouter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  char *data = malloc(1 << 20);
  *size = data ? fread(data, 1, 1 << 20, file) : 0;
  fclose(file);
  return data;
}

static int fail(const char *what, const hr_error *error) {
  fprintf(stderr, "%s: %s: %s%s%s\n", what, hr_error_name(error->code), error->path, error->path[0] ? ": " : "",
          error->message);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s CONFIG_FILE MODEL_GROUP\n", argv[0]);
    return 2;
  }
  size_t size = 0;
  char *config = read_file(argv[1], &size);
  if (!config) {
    perror(argv[1]);
    return 1;
  }
  hr_router router = { 0 };
  hr_error error = HR_ERROR_INIT;
  int32_t status = hr_router_new(config, size, NULL, &router, &error);
  free(config);
  if (status != HR_OK) return fail("hr_router_new", &error);

  char body[512];
  snprintf(body, sizeof body,
           "{\"model\": \"%s\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Say hello.\"}]}",
           argv[2]);
  hr_request request = { 0 };
  if (hr_submit(router, body, strlen(body), NULL, &request, &error) != HR_OK) {
    status = fail("hr_submit", &error);
    hr_router_free(&router);
    return status;
  }

  /* One event at a time keeps the example short; a program with many requests takes them in batches. */
  hr_event event = HR_EVENT_INIT;
  do {
    status = hr_poll(router, &event, 1, -1, &error);
    if (status < 0) return fail("hr_poll", &error);
    if (status > 0 && event.type == HR_EVENT_START) printf("start after %.1f ms: ", (double)event.elapsed_ns / 1e6);
    if (status > 0) printf("%s\n", event.data);
  } while (status == 0 || event.type != HR_EVENT_END);
  if (event.code != HR_OK) fprintf(stderr, "%s: %s\n", hr_error_name(event.code), event.message);
  status = event.code;
  hr_router_free(&router);
  return status != HR_OK;
}
