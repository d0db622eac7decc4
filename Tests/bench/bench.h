/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the two benchmark clients share, so that they are measured by the same rule.
 *
 *   CLIENT BASE_URL json|stream CONCURRENCY REQUESTS [ROUTED_KIND]
 */

#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/** What to send, how often and where. */
typedef struct bench_plan {
  const char *base_url; /**< Up to and including the version, such as http://127.0.0.1:8080/json/v1. */
  int stream;           /**< Whether the request asks for a stream. */
  int concurrency;      /**< Requests in flight. */
  int requests;         /**< Requests that count; a tenth more go before them, to warm up. */
  const char *body;     /**< The request document. */
} bench_plan;

/** CPU and wall time when the counted part began. */
typedef struct bench_clock {
  double cpu;
  double wall;
} bench_clock;

static inline bench_plan bench_plan_of(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: %s BASE_URL json|stream CONCURRENCY REQUESTS\n", argv[0]);
    exit(2);
  }
  bench_plan plan = { argv[1], strcmp(argv[2], "stream") == 0, atoi(argv[3]), atoi(argv[4]), NULL };
  plan.body = plan.stream ? "{\"model\":\"bench\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
                            "\"Write one sentence about the sea.\"}]}"
                          : "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":"
                            "\"Write one sentence about the sea.\"}]}";
  if (plan.concurrency < 1 || plan.requests < 1) exit(2);
  return plan;
}

static inline bench_clock bench_now(void) {
  struct rusage usage;
  struct timespec now;
  getrusage(RUSAGE_SELF, &usage);
  clock_gettime(CLOCK_MONOTONIC, &now);
  bench_clock clock;
  clock.cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
              (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  clock.wall = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
  return clock;
}

/** Print the result as one line of JSON. */
static inline void bench_report(const bench_plan *plan, bench_clock began, long long bytes, long long failed) {
  bench_clock ended = bench_now();
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"cpu_us\": %.2f, \"per_second\": %.1f, \"peak_rss_kb\": %ld, \"bytes\": %lld, \"failed\": %lld}\n",
         (ended.cpu - began.cpu) / plan->requests, plan->requests / (ended.wall - began.wall), usage.ru_maxrss, bytes,
         failed);
}

#endif
