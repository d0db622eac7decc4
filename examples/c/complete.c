#include <hedgerouter.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char config[4096], *answer = NULL;
  FILE *file = fopen("router.json", "r");
  size_t size = file ? fread(config, 1, sizeof config, file) : 0;
  const char *body = "{\"model\": \"chat\", \"messages\": [{\"role\": \"user\", \"content\": \"Say hello.\"}]}";
  hr_router router = { 0 };
  hr_error error = HR_ERROR_INIT;
  if (hr_router_new(config, size, NULL, &router, &error) == HR_OK)
    hr_complete(router, body, strlen(body), NULL, &answer, NULL, &error);
  puts(answer ? answer : error.message);
  hr_string_free(answer);
  return hr_router_free(&router);
}
