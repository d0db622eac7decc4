/*
 * SPDX-License-Identifier: Apache-2.0
 */

/* The header alone, in strict C99: every INIT macro initialises every field, and constants fit where they go. */

#include <hedgerouter.h>
#include <hedgerouter_sim.h>

/* Included again: the guards hold. */
#include <hedgerouter.h>

static const hr_error error = HR_ERROR_INIT;
static const hr_event event = HR_EVENT_INIT;
static const hr_router_options router_options = HR_ROUTER_OPTIONS_INIT;
static const hr_submit_options submit_options = HR_SUBMIT_OPTIONS_INIT;

static int32_t ignore_event(hr_router router, const hr_event *received, void *user_data) {
  return router.id == 0 && received == NULL && user_data == NULL;
}

static void ignore_record(int32_t level, const char *record, size_t size, void *user_data) {
  (void)level, (void)record, (void)size, (void)user_data;
}

static void release(void *user_data) {
  (void)user_data;
}

/* Status 0 when the macros say what the header promises. */
int main(void) {
  hr_router_options options = router_options;
  options.delivery = HR_DELIVERY_THREAD;
  options.event_callback = ignore_event;
  options.event_user_data_free = release;
  options.log_callback = ignore_record;
  options.log_level = HR_LOG_DEBUG;

  int good = error.struct_size == sizeof error && error.code == HR_OK && error.retry_after_ms == -1 &&
             error.path[0] == '\0' && error.message[sizeof error.message - 1] == '\0';
  good = good && event.struct_size == sizeof event && event.request.id == 0 && event.retry_after_ms == -1;
  good = good && submit_options.struct_size == sizeof submit_options && submit_options.flags == 0 &&
         submit_options.overrides == NULL;
  good = good && options.struct_size == sizeof options && options.log_user_data == NULL && options.reserved == 0;
  good = good && HR_VERSION == (HR_VERSION_MAJOR << 16 | HR_VERSION_MINOR << 8 | HR_VERSION_PATCH);
  return good ? 0 : 1;
}
