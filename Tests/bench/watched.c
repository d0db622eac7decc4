/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * What being watched costs: requests over fifty deployments of one server, with everything that observes a router on or
 * off. "on" has log records of every level, the attempt log of each request, and all documents read twenty times. At the
 * end it also says what reading each of them costs: CPU time of the thread that reads, and of the loop's thread, which
 * hands the reader a snapshot. What the loop copies later, because the reader still holds what it wants to change, is
 * told from requests that follow a read and ones that do not.
 *
 *   watched BASE_URL json|stream CONCURRENCY REQUESTS on|off
 */

#define _GNU_SOURCE
#include "bench.h"

#include <dirent.h>
#include <hedgerouter.h>

enum { BATCH = 64, DEPLOYMENTS = 50, READS = 20, TIMED = 201, DOCUMENTS = 3 };

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

typedef struct spread {
  double median;
  double most;
} spread;

static spread spread_of(double *took) {
  qsort(took, TIMED, sizeof *took, by_value);
  spread found = { took[TIMED / 2], took[TIMED - 1] };
  return found;
}

/* CPU microseconds of this thread. */
static double own_cpu(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void pause_us(long us) {
  struct timespec length = { 0, us * 1000 };
  nanosleep(&length, NULL);
}

/* CPU microseconds of the loop's thread, exact while it sleeps; the path is found once. */
static double loop_cpu(void) {
  static char path[512];
  if (!path[0]) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    while (tasks && (task = readdir(tasks))) {
      char name[400], comm[32] = "";
      snprintf(name, sizeof name, "/proc/self/task/%s/comm", task->d_name);
      FILE *file = fopen(name, "r");
      if (!file) continue;
      if (fgets(comm, sizeof comm, file) && strncmp(comm, "hr-loop", 7) == 0)
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", task->d_name);
      fclose(file);
    }
    if (tasks) closedir(tasks);
  }
  pause_us(300);
  double ns = 0;
  FILE *file = fopen(path, "r");
  if (!file || fscanf(file, "%lf", &ns) != 1) exit(1);
  fclose(file);
  return ns / 1e3;
}

/* What reading one document costs the thread that reads. */
static spread reader_cpu(hr_router router, int which, size_t *size) {
  static double took[TIMED];
  for (int i = 0; i < TIMED; i++) {
    double began = own_cpu();
    *size = read_one(router, which);
    took[i] = own_cpu() - began;
  }
  return spread_of(took);
}

/* What it costs the loop, which cannot do anything else meanwhile. */
static spread snapshot_cpu(hr_router router) {
  static double took[TIMED];
  for (int i = 0; i < TIMED; i++) {
    double began = loop_cpu();
    read_one(router, i % DOCUMENTS);
    took[i] = loop_cpu() - began;
  }
  return spread_of(took);
}

/* Two at once: a program that waits for a single one turns the loop itself. */
static void two_requests(hr_router router, const char *body) {
  for (int i = 0; i < 2; i++) {
    hr_request request = { 0 };
    if (hr_submit(router, body, strlen(body), NULL, &request, NULL) != HR_OK) exit(1);
  }
  for (int ended = 0; ended < 2;) {
    hr_event event = HR_EVENT_INIT;
    if (hr_poll(router, &event, 1, -1, NULL) < 0) exit(1);
    ended += event.type == HR_EVENT_END;
  }
}

/* What two requests cost the loop, the snapshot before them included if there is one. */
static double request_cpu(hr_router router, const char *body, int is_read) {
  static double took[TIMED];
  for (int i = 0; i < TIMED; i++) {
    double began = loop_cpu();
    if (is_read) read_one(router, i % DOCUMENTS);
    two_requests(router, body);
    took[i] = loop_cpu() - began;
  }
  return spread_of(took).median;
}

static void report_reading(hr_router router, const char *body) {
  /* Whole answers besides streams, so that every histogram has something in it. */
  for (int i = 0; i < 10 * DEPLOYMENTS; i++)
    two_requests(router, "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}");
  static const char *const names[DOCUMENTS] = { "stats", "prometheus", "openmetrics" };
  for (int which = 0; which < DOCUMENTS; which++) {
    size_t size = 0;
    spread cpu = reader_cpu(router, which, &size);
    printf(", \"%s_cpu_us\": %.1f, \"%s_most_us\": %.1f, \"%s_bytes\": %zu", names[which], cpu.median, names[which],
           cpu.most, names[which], size);
  }
  spread snapshot = snapshot_cpu(router);
  double without = request_cpu(router, body, 0), with = request_cpu(router, body, 1);
  printf(", \"loop_us\": %.1f, \"loop_most_us\": %.1f, \"loop_with_copies_us\": %.1f", snapshot.median, snapshot.most,
         with - without);
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
        for (int which = 0; which < DOCUMENTS; which++)
          read_one(router, which);
    }
  }
  bench_clock ended = bench_now();
  printf("{\"per_second\": %.1f, \"cpu_us\": %.2f, \"failed\": %lld, \"heard\": %zu",
         plan.requests / (ended.wall - began.wall), (ended.cpu - began.cpu) / plan.requests, failed, heard);
  if (watched) report_reading(router, plan.body);
  printf("}\n");
  hr_router_free(&router);
  return failed != 0;
}
