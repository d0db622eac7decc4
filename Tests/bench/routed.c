/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same requests through libhedgerouter, events taken in batches with hr_poll(). With the word "pair" after the
 * common arguments there are two deployments of the same server, so that every request is ranked and may be hedged.
 */

#define _GNU_SOURCE
#include "bench.h"

#include <hedgerouter.h>

#define DEPLOYMENT(id)                                                                                                 \
  "{\"model_name\": \"bench\", \"litellm_params\": {\"model\": \"openai/bench\", \"api_base\": \"%s\", "               \
  "\"api_key\": \"bench\"}, \"model_info\": {\"id\": \"" id "\"}}"

enum { BATCH = 64 };

int main(int argc, char **argv) {
  bench_plan plan = bench_plan_of(argc, argv);
  int pair = argc > 5 && strcmp(argv[5], "pair") == 0;
  char config[2048];
  if (pair) {
    snprintf(config, sizeof config, "{\"model_list\": [" DEPLOYMENT("a") ", " DEPLOYMENT("b") "]}", plan.base_url,
             plan.base_url);
  } else {
    snprintf(config, sizeof config, "{\"model_list\": [" DEPLOYMENT("a") "]}", plan.base_url);
  }
  hr_router router = { 0 };
  hr_error error = HR_ERROR_INIT;
  if (hr_router_new(config, strlen(config), NULL, &router, &error) != HR_OK) {
    fprintf(stderr, "hr_router_new: %s: %s\n", error.path, error.message);
    return 1;
  }

  size_t body_size = strlen(plan.body);
  int warm_up = plan.requests / 10 + plan.concurrency, done = 0, sent = 0;
  int all = plan.requests + warm_up;
  long long bytes = 0, failed = 0;
  bench_clock began = bench_now();
  hr_event events[BATCH] = { HR_EVENT_INIT };
  while (done < all) {
    for (; sent < all && sent - done < plan.concurrency; sent++) {
      hr_request request = { 0 };
      if (hr_submit(router, plan.body, body_size, NULL, &request, &error) != HR_OK) {
        fprintf(stderr, "hr_submit: %s\n", error.message);
        return 1;
      }
    }
    int32_t count = hr_poll(router, events, BATCH, -1, &error);
    if (count < 0) {
      fprintf(stderr, "hr_poll: %s\n", error.message);
      return 1;
    }
    for (int32_t i = 0; i < count; i++) {
      if (events[i].type == HR_EVENT_CHUNK) bytes += (long long)events[i].data_size;
      if (events[i].type != HR_EVENT_END) continue;
      if (events[i].code != HR_OK && failed++ == 0) fprintf(stderr, "request failed: %s\n", events[i].message);
      if (++done == warm_up) {
        began = bench_now();
        bytes = 0;
      }
    }
  }
  bench_report(&plan, began, bytes, failed);
  hr_router_free(&router);
  return failed != 0;
}
