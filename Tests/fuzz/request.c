/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a request document or, after a first byte of 1, as its routing overrides: the request is refused at once
 * or gets exactly one END, after which its handle is stale.
 */

#include "fuzz.h"

static hr_router router;

static void open_router(void) {
  /* Port 1 of loopback refuses connections; nothing leaves the machine. */
  static const char config[] =
      "{\"model_list\": [{\"model_name\": \"m\", \"litellm_params\": {\"model\": \"openai/m\", "
      "\"api_key\": \"k\", \"api_base\": \"http://127.0.0.1:1/v1\"}}]}";
  hr_error error = HR_ERROR_INIT;
  if (hr_router_new(config, sizeof config - 1, NULL, &router, &error) != HR_OK) broken("a router opens", error.message);
}

/* Takes events until the request's END. */
static void await_end(hr_request request) {
  hr_event events[8] = { HR_EVENT_INIT };
  hr_error error = HR_ERROR_INIT;
  for (int waits = 0; waits < 20;) {
    int32_t count = hr_poll(router, events, 8, 1000, &error);
    if (count < 0) broken("polling works", hr_error_name(count));
    if (count == 0) waits++;
    for (int32_t i = 0; i < count; i++) {
      if (events[i].request.id != request.id) broken("events belong to the one request in flight", NULL);
      if (events[i].data_size) json_decref(parsed(events[i].data, events[i].data_size, "event"));
      if (events[i].type == HR_EVENT_END) {
        if (i + 1 != count) broken("nothing follows END", NULL);
        return;
      }
    }
  }
  broken("a request ends", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char valid[] = "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";
  if (router.id == 0) open_router();
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  const char *document = (const char *)data;
  size_t document_size = size;
  if (size && data[0] == 1) {
    options.overrides = (const char *)data + 1;
    options.overrides_size = size - 1;
    document = valid;
    document_size = sizeof valid - 1;
  }
  hr_request request = { 0 };
  hr_error error = HR_ERROR_INIT;
  int32_t status = hr_submit(router, document, document_size, &options, &request, &error);
  if (status != HR_OK) {
    if (request.id != 0) broken("a refused request has no handle", hr_error_name(status));
    return 0;
  }
  hr_cancel(request, NULL);
  await_end(request);
  if (hr_cancel(request, NULL) != HR_E_BADHANDLE) broken("a handle goes stale with its END", NULL);
  return 0;
}
