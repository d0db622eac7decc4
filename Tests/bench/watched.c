/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * What being watched costs: requests over fifty deployments of one server, with everything that observes a router on or
 * off. "on" has log records of every level, the attempt log of each request, and all documents read twenty times; at the
 * end it also says how long reading each of them took.
 *
 *   watched BASE_URL json|stream CONCURRENCY REQUESTS on|off
 */

#define _GNU_SOURCE
#include "bench.h"

#include <hedgerouter.h>

enum { BATCH = 64, DEPLOYMENTS = 50, READS = 20, TIMED = 201 };

static size_t heard;

static void on_log(int32_t level, const char *record, size_t size, void *user_data) {
  (void)level;
  (void)record;
  (void)user_data;
  heard += size;
}

static void on_record(const char *record, size_t size, void *user_data) {
  on_log(0, record, size, user_data);
}

static size_t read_one(hr_router router, int which) {
  char *text = NULL;
  size_t size = 0;
  int32_t code =
      which == 0 ? hr_stats_json(router, &text, &size, NULL) : hr_metrics_text(router, which - 1, &text, &size, NULL);
  hr_string_free(text);
  return code == HR_OK ? size : 0;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median microseconds of reading one document. */
static double time_of(hr_router router, int which, size_t *size) {
  static double took[TIMED];
  for (int i = 0; i < TIMED; i++) {
    bench_clock began = bench_now();
    *size = read_one(router, which);
    took[i] = (bench_now().wall - began.wall) * 1e6;
  }
  qsort(took, TIMED, sizeof *took, by_value);
  return took[TIMED / 2];
}

static char *configuration(const char *base_url) {
  static char text[DEPLOYMENTS * 400 + 400];
  size_t used = (size_t)snprintf(text, sizeof text, "{\"model_list\": [");
  for (int i = 0; i < DEPLOYMENTS; i++)
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "%s{\"model_name\": \"bench\", \"litellm_params\": {\"model\": \"openai/bench\", "
                             "\"api_base\": \"%s\", \"api_key\": \"k\", \"input_cost_per_token\": 1e-6, "
                             "\"output_cost_per_token\": 1e-6}, \"model_info\": {\"id\": \"deployment-%d\"}}",
                             i ? ", " : "", base_url, i);
  snprintf(text + used, sizeof text - used,
           "], \"router_settings\": {\"routing_strategy\": \"simple-shuffle\", \"routing_strategy_args\": "
           "{\"hedge_budget\": 0.05, \"enable_cold_start_parallel\": false}}}");
  return text;
}

int main(int argc, char **argv) {
  bench_plan plan = bench_plan_of(argc, argv);
  int watched = argc > 5 && strcmp(argv[5], "on") == 0;
  char *config = configuration(plan.base_url);
  hr_router_options options = HR_ROUTER_OPTIONS_INIT;
  if (watched) {
    options.log_callback = on_log;
    options.log_level = HR_LOG_DEBUG;
    options.record_callback = on_record;
  }
  hr_router router = { 0 };
  hr_error error = HR_ERROR_INIT;
  if (hr_router_new(config, strlen(config), &options, &router, &error) != HR_OK) {
    fprintf(stderr, "hr_router_new: %s: %s\n", error.path, error.message);
    return 1;
  }
  int warm_up = plan.requests / 10 + plan.concurrency, done = 0, sent = 0, all = plan.requests + warm_up;
  long long failed = 0;
  bench_clock began = bench_now();
  hr_event events[BATCH] = { HR_EVENT_INIT };
  while (done < all) {
    for (; sent < all && sent - done < plan.concurrency; sent++) {
      hr_request request = { 0 };
      if (hr_submit(router, plan.body, strlen(plan.body), NULL, &request, &error) != HR_OK) return 1;
    }
    int32_t count = hr_poll(router, events, BATCH, -1, &error);
    if (count < 0) return 1;
    for (int32_t i = 0; i < count; i++) {
      if (events[i].type != HR_EVENT_END) continue;
      failed += events[i].code != HR_OK;
      if (++done == warm_up) began = bench_now();
      if (watched && done > warm_up && (done - warm_up) % (plan.requests / READS + 1) == 0)
        for (int which = 0; which < 3; which++)
          read_one(router, which);
    }
  }
  bench_clock ended = bench_now();
  double each[3] = { 0 };
  size_t sizes[3] = { 0 };
  for (int which = 0; watched && which < 3; which++)
    each[which] = time_of(router, which, &sizes[which]);
  printf("{\"per_second\": %.1f, \"cpu_us\": %.2f, \"failed\": %lld, \"heard\": %zu, \"stats_us\": %.1f, "
         "\"stats_bytes\": %zu, \"prometheus_us\": %.1f, \"prometheus_bytes\": %zu, \"openmetrics_us\": %.1f}\n",
         plan.requests / (ended.wall - began.wall), (ended.cpu - began.cpu) / plan.requests, failed, heard, each[0],
         sizes[0], each[1], sizes[1], each[2]);
  hr_router_free(&router);
  return failed != 0;
}
