/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Uses every kind of object of the library again and again, ends each in every way there is, and then looks at what is
 * left: descriptors, threads, memory, and finalizers that were not called.
 *
 *   leak PORT CYCLES      PORT is the benchmark's server
 */

#define _GNU_SOURCE
#include <hedgerouter.h>

#include <dirent.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 5, BATCH = 8, LARGEST_GROWTH = 64 * 1024 };

#define GROUP(name, port)                                                                                              \
  "{\"model_name\": \"" name "\", \"litellm_params\": {\"model\": \"openai/m\", \"api_key\": \"k\", "                  \
  "\"api_base\": \"http://127.0.0.1:" port "/" name "/v1\"}, \"model_info\": {\"id\": \"" name "\"}}"

static char config[2048];
static long given, returned;
static atomic_long finalized;
static int failures;

static void expect(int holds, const char *what) {
  if (holds) return;
  failures++;
  fprintf(stderr, "failed: %s\n", what);
}

static void finalize(void *user_data) {
  (void)user_data;
  atomic_fetch_add(&finalized, 1);
}

static void quiet(int32_t level, const char *record, size_t size, void *user_data) {
  (void)level;
  (void)record;
  (void)size;
  (void)user_data;
}

static hr_request submit(hr_router router, const char *group, int stream, uint32_t flags) {
  char body[256];
  snprintf(body, sizeof body,
           "{\"model\": \"%s\", \"stream\": %s, \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}", group,
           stream ? "true" : "false");
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  options.flags = flags;
  options.user_data = &given;
  options.user_data_free = finalize;
  given++;
  hr_request request = { 0 };
  expect(hr_submit(router, body, strlen(body), &options, &request, NULL) == HR_OK, "hr_submit accepts");
  return request;
}

/* Takes the router's events until the request's END, or only until its START. Returns the END's code. */
static int32_t take(hr_router router, hr_request request, int only_start) {
  hr_event events[BATCH] = { HR_EVENT_INIT };
  for (;;) {
    int32_t count = hr_poll(router, events, BATCH, 30000, NULL);
    if (count <= 0) {
      expect(0, "events come");
      return HR_E_TIMEOUT;
    }
    int seen = 0;
    int32_t code = HR_OK;
    for (int32_t i = 0; i < count; i++) {
      if (events[i].request.id != request.id) continue;
      if (events[i].type == HR_EVENT_END) {
        code = events[i].code;
        seen = 1;
      } else if (events[i].type == HR_EVENT_START && only_start) {
        seen = 1;
      }
    }
    if (seen) return code;
  }
}

static void refuse_what_is_wrong(hr_router router) {
  hr_error error = HR_ERROR_INIT;
  hr_request request = { 0 };
  hr_router none = { 0 };
  expect(hr_router_new("{\"model_list\": 1}", 17, NULL, &none, &error) == HR_E_CONFIG, "a bad document is refused");
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  options.user_data_free = finalize;
  given += 2;
  expect(hr_submit(router, "{\"model\"", 8, &options, &request, &error) == HR_E_INVAL, "a bad request is refused");
  expect(hr_submit(router, "{\"model\": \"x\", \"messages\": []}", 30, &options, &request, &error) < 0,
         "an unknown group is refused");
}

static void look(hr_router router) {
  char *text = NULL;
  expect(hr_stats_json(router, &text, NULL, NULL) == HR_OK, "hr_stats_json answers");
  hr_string_free(text);
  text = NULL;
  expect(hr_config_check(config, strlen(config), &text, NULL, NULL) == HR_OK, "hr_config_check accepts");
  hr_string_free(text);
  expect(hr_router_reload(router, config, strlen(config), NULL) == HR_OK, "hr_router_reload accepts");
}

static void pull(hr_router router) {
  hr_request whole = submit(router, "burst", 1, HR_SUBMIT_PULL);
  expect(hr_wait(whole, 30000, NULL) == HR_OK, "a pulled stream succeeds");
  expect(hr_request_free(&whole) == HR_OK, "a pulled request is freed");
  hr_request part = submit(router, "endless", 1, HR_SUBMIT_PULL);
  hr_event event = HR_EVENT_INIT;
  expect(hr_next(part, &event, 1, 30000, NULL) == 1, "a pulled stream starts");
  expect(hr_request_free(&part) == HR_OK, "a running request is freed");
}

static void cycle(void) {
  hr_router_options options = HR_ROUTER_OPTIONS_INIT;
  options.log_callback = quiet;
  options.log_level = HR_LOG_DEBUG;
  options.log_user_data_free = finalize;
  options.event_user_data_free = finalize;
  given += 2;
  hr_router router = { 0 };
  hr_error error = HR_ERROR_INIT;
  if (hr_router_new(config, strlen(config), &options, &router, &error) != HR_OK) {
    expect(0, error.message);
    return;
  }
  char *answer = NULL;
  const char *body = "{\"model\": \"json\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";
  expect(hr_complete(router, body, strlen(body), NULL, &answer, NULL, &error) == HR_OK, "hr_complete answers");
  hr_string_free(answer);
  expect(take(router, submit(router, "burst", 1, 0), 0) == HR_OK, "a stream succeeds");
  expect(take(router, submit(router, "refused", 1, 0), 0) == HR_E_TRANSPORT, "a refused connection is an error");
  hr_request cancelled = submit(router, "endless", 1, 0);
  take(router, cancelled, 1);
  expect(hr_cancel(cancelled, NULL) == HR_OK, "hr_cancel accepts");
  expect(take(router, cancelled, 0) == HR_E_CANCELLED, "a cancelled stream says so");
  pull(router);
  refuse_what_is_wrong(router);
  look(router);
  submit(router, "endless", 1, 0);
  hr_request left = submit(router, "json", 0, HR_SUBMIT_PULL);
  expect(hr_router_free(&router) == HR_OK, "a router with requests in flight is freed");
  hr_request_free(&left);
  returned++;
}

static int entries(const char *folder) {
  DIR *open = opendir(folder);
  if (!open) return -1;
  int count = 0;
  while (readdir(open))
    count++;
  closedir(open);
  return count;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  char text[2048];
  snprintf(text, sizeof text, "{\"model_list\": [%s, %s, %s, %s]}", GROUP("json", "%s"), GROUP("burst", "%s"),
           GROUP("endless", "%s"), GROUP("refused", "1"));
  snprintf(config, sizeof config, text, argv[1], argv[1], argv[1]);

  for (int i = 0; i < WARM_UP; i++)
    cycle();
  int files = entries("/proc/self/fd"), threads = entries("/proc/self/task");
  size_t memory = mallinfo2().uordblks;
  int cycles = atoi(argv[2]);
  for (int i = 0; i < cycles; i++)
    cycle();
  long growth = (long)mallinfo2().uordblks - (long)memory;

  expect(entries("/proc/self/fd") == files, "no descriptor is left");
  expect(entries("/proc/self/task") == threads, "no thread is left");
  expect(growth < LARGEST_GROWTH, "memory does not grow");
  expect(atomic_load(&finalized) == given, "every finalizer is called once");
  printf("%ld routers, %ld finalizers, %ld bytes more in use after %d cycles\n", returned, atomic_load(&finalized),
         growth, cycles);
  printf("%d passed, %d failed, 0 skipped\n", failures ? 0 : 1, failures ? 1 : 0);
  return failures != 0;
}
