/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sends a few hundred streaming requests through libhedgerouter to three servers that misbehave in different ways,
 * once as configured by default and once with racing and hedging off, and prints what that did to the time to the
 * first token. The servers are examples/demo/upstream.py; their own counters show that losing connections were closed.
 */

#include <hedgerouter.h>

#include <jansson.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEPLOYMENTS = 3, REQUESTS = 300, IN_FLIGHT = 12, BATCH = 64 };

static const char *const names[DEPLOYMENTS] = { "steady", "tailed", "flaky" };

/* The process that plays the three servers, and the pipes to talk to it. */
typedef struct upstreams {
  pid_t pid;
  FILE *commands;
  FILE *answers;
  int ports[DEPLOYMENTS];
} upstreams;

/* Times to first token in milliseconds. */
typedef struct samples {
  double values[REQUESTS];
  size_t count;
} samples;

/* What one run of all requests showed. */
typedef struct outcome {
  samples all;
  samples by_deployment[DEPLOYMENTS];
  int failed;
  json_t *stats;  /* What the library counted. */
  json_t *report; /* What the servers counted. */
} outcome;

static void die(const char *what) {
  fprintf(stderr, "demo: %s\n", what);
  exit(1);
}

static void check(int32_t code, const hr_error *error, const char *what) {
  if (code < 0) {
    fprintf(stderr, "demo: %s: %s: %s %s\n", what, hr_error_name(code), error->path, error->message);
    exit(1);
  }
}

/* ------------------------------------------------------------------------------------------------------------------
 * The servers
 * ---------------------------------------------------------------------------------------------------------------- */

static json_t *answer_of(upstreams *servers) {
  char line[4096];
  if (!fgets(line, sizeof line, servers->answers)) die("the servers ended");
  json_t *value = json_loads(line, 0, NULL);
  if (!value) die("the servers' answer is not JSON");
  return value;
}

static json_t *command(upstreams *servers, const char *text) {
  fprintf(servers->commands, "%s\n", text);
  fflush(servers->commands);
  return answer_of(servers);
}

static upstreams start_upstreams(const char *script) {
  int to_child[2], from_child[2];
  if (pipe(to_child) != 0 || pipe(from_child) != 0) die("no pipe");
  upstreams servers = { .pid = fork() };
  if (servers.pid < 0) die("no process");
  if (servers.pid == 0) {
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    close(to_child[1]);
    close(from_child[0]);
    execlp("python3", "python3", script, (char *)NULL);
    perror("python3");
    _exit(127);
  }
  close(to_child[0]);
  close(from_child[1]);
  servers.commands = fdopen(to_child[1], "w");
  servers.answers = fdopen(from_child[0], "r");
  if (!servers.commands || !servers.answers) die("no stream");
  json_t *ports = answer_of(&servers);
  for (int i = 0; i < DEPLOYMENTS; i++) {
    servers.ports[i] = (int)json_integer_value(json_object_get(ports, names[i]));
  }
  json_decref(ports);
  return servers;
}

static void stop_upstreams(upstreams *servers) {
  fclose(servers->commands); /* The end of its input ends it. */
  fclose(servers->answers);
  waitpid(servers->pid, NULL, 0);
}

/* ------------------------------------------------------------------------------------------------------------------
 * One run
 * ---------------------------------------------------------------------------------------------------------------- */

static char *configuration(const upstreams *servers, int hedging) {
  json_t *models = json_array();
  for (int i = 0; i < DEPLOYMENTS; i++) {
    char base[64], model[64];
    snprintf(base, sizeof base, "http://127.0.0.1:%d/v1", servers->ports[i]);
    snprintf(model, sizeof model, "openai/%s", names[i]);
    json_array_append_new(models, json_pack("{s:s, s:{s:s, s:s, s:s, s:s}, s:{s:s}}", "model_name", "chat",
                                            "litellm_params", "model", model, "api_base", base, "api_key", "demo",
                                            "failure_domain", names[i], "model_info", "id", names[i]));
  }
  json_t *arguments =
      hedging ? json_object() : json_pack("{s:b, s:i}", "enable_cold_start_parallel", 0, "hedge_budget", 0);
  json_t *config = json_pack("{s:o, s:{s:i, s:o}}", "model_list", models, "router_settings", "stream_timeout", 5,
                             "routing_strategy_args", arguments);
  char *text = json_dumps(config, 0);
  json_decref(config);
  if (!text) die("no memory");
  return text;
}

static int deployment_of(const hr_event *start) {
  json_t *data = json_loadb(start->data, start->data_size, 0, NULL);
  const char *id = json_string_value(json_object_get(data, "deployment"));
  int found = -1;
  for (int i = 0; id && i < DEPLOYMENTS; i++) {
    if (strcmp(id, names[i]) == 0) found = i;
  }
  json_decref(data);
  return found;
}

static void add(samples *to, double value) {
  if (to->count < REQUESTS) to->values[to->count++] = value;
}

static void show_progress(const char *title, int done, int *shown) {
  int step = isatty(STDOUT_FILENO) ? 1 : REQUESTS / 4;
  if (done < *shown + step && done < REQUESTS) return;
  *shown = done;
  printf(isatty(STDOUT_FILENO) ? "\r%s: %d of %d requests" : "%s: %d of %d requests\n", title, done, REQUESTS);
  if (done == REQUESTS && isatty(STDOUT_FILENO)) printf("\n");
  fflush(stdout);
}

static outcome run(upstreams *servers, const char *title, int hedging) {
  static const char body[] = "{\"model\": \"chat\", \"stream\": true, "
                             "\"messages\": [{\"role\": \"user\", \"content\": \"Why ask twice?\"}]}";
  outcome result = { 0 };
  json_decref(command(servers, "reset"));

  char *config = configuration(servers, hedging);
  hr_router router = { 0 };
  hr_error error = HR_ERROR_INIT;
  check(hr_router_new(config, strlen(config), NULL, &router, &error), &error, "hr_router_new");
  free(config);

  hr_event events[BATCH] = { HR_EVENT_INIT };
  int sent = 0, done = 0, shown = 0;
  while (done < REQUESTS) {
    for (; sent < REQUESTS && sent - done < IN_FLIGHT; sent++) {
      hr_request request = { 0 };
      check(hr_submit(router, body, sizeof body - 1, NULL, &request, &error), &error, "hr_submit");
    }
    int32_t count = hr_poll(router, events, BATCH, 1000, &error);
    check(count, &error, "hr_poll");
    for (int32_t i = 0; i < count; i++) {
      const hr_event *event = &events[i];
      if (event->type == HR_EVENT_START) {
        /* A request is committed to a deployment at that deployment's first token. */
        double milliseconds = (double)event->elapsed_ns / 1e6;
        int deployment = deployment_of(event);
        add(&result.all, milliseconds);
        if (deployment >= 0) add(&result.by_deployment[deployment], milliseconds);
      } else if (event->type == HR_EVENT_END) {
        done++;
        if (event->code != HR_OK && result.failed++ == 0) {
          fprintf(stderr, "the first failure: %s: %s\n", hr_error_name(event->code), event->message);
        }
      }
    }
    show_progress(title, done, &shown);
  }

  char *stats = NULL;
  check(hr_stats_json(router, &stats, NULL, &error), &error, "hr_stats_json");
  result.stats = json_loads(stats, 0, NULL);
  hr_string_free(stats);
  hr_router_free(&router);
  result.report = command(servers, "report");
  return result;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The tables
 * ---------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Nearest-rank percentile; the samples must be sorted. */
static double percentile(const samples *of, double percent) {
  if (of->count == 0) return 0;
  size_t rank = (size_t)(percent / 100 * (double)of->count + 0.9999);
  if (rank < 1) rank = 1;
  return of->values[rank > of->count ? of->count - 1 : rank - 1];
}

static void sort(outcome *result) {
  qsort(result->all.values, result->all.count, sizeof(double), ascending);
  for (int i = 0; i < DEPLOYMENTS; i++) {
    samples *of = &result->by_deployment[i];
    qsort(of->values, of->count, sizeof(double), ascending);
  }
}

/* The sum of an object's numbers, or the number itself. */
static long long total(const json_t *value) {
  if (json_is_integer(value)) return json_integer_value(value);
  long long sum = 0;
  const char *key;
  json_t *part;
  json_object_foreach((json_t *)value, key, part) sum += json_integer_value(part);
  return sum;
}

static const json_t *stats_of(const outcome *result, const char *id) {
  size_t index;
  json_t *deployment;
  json_array_foreach(json_object_get(result->stats, "deployments"), index, deployment) {
    const char *own = json_string_value(json_object_get(deployment, "id"));
    if (own && strcmp(own, id) == 0) return deployment;
  }
  return NULL;
}

static void print_deployments(const char *title, const outcome *result) {
  printf("\n%s, by deployment\n", title);
  printf("  %-10s %9s %6s   %26s   %s\n", "", "", "", "time to first token, ms", "sockets closed on it,");
  printf("  %-10s %9s %6s   %8s %8s %8s   %s\n", "", "attempts", "wins", "p50", "p95", "p99", "as the server saw");
  for (int i = 0; i < DEPLOYMENTS; i++) {
    const json_t *stats = stats_of(result, names[i]);
    const samples *of = &result->by_deployment[i];
    const json_t *seen = json_object_get(result->report, names[i]);
    printf("  %-10s %9lld %6zu   ", names[i], total(json_object_get(stats, "attempts")), of->count);
    if (of->count)
      printf("%8.0f %8.0f %8.0f", percentile(of, 50), percentile(of, 95), percentile(of, 99));
    else
      printf("%8s %8s %8s", "-", "-", "-");
    printf("   %lld\n", json_integer_value(json_object_get(seen, "cancelled")));
  }
}

static void print_line(const char *title, const outcome *result) {
  const json_t *hedges = json_object_get(result->stats, "hedges");
  long long attempts = 0;
  for (int i = 0; i < DEPLOYMENTS; i++)
    attempts += total(json_object_get(stats_of(result, names[i]), "attempts"));
  printf("  %-18s %8.0f %8.0f %8.0f %8.0f   %8d %8lld %8lld %8lld\n", title, percentile(&result->all, 50),
         percentile(&result->all, 95), percentile(&result->all, 99), percentile(&result->all, 100), result->failed,
         attempts, total(json_object_get(hedges, "fired")), total(json_object_get(hedges, "won")));
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  upstreams servers = start_upstreams(argc > 1 ? argv[1] : "examples/demo/upstream.py");
  printf("libhedgerouter %s, three servers on this machine, %d streams, %d at a time\n\n", hr_version_string(),
         REQUESTS, IN_FLIGHT);

  outcome plain = run(&servers, "without hedging", 0);
  outcome hedged = run(&servers, "with hedging   ", 1);
  stop_upstreams(&servers);
  sort(&plain);
  sort(&hedged);

  print_deployments("Without hedging", &plain);
  print_deployments("With hedging", &hedged);
  printf("\nThe same servers, the same requests\n");
  printf("  %-18s %35s\n", "", "time to first token, ms");
  printf("  %-18s %8s %8s %8s %8s   %8s %8s %8s %8s\n", "", "p50", "p95", "p99", "worst", "failed", "attempts",
         "hedges", "won");
  print_line("without hedging", &plain);
  print_line("with hedging", &hedged);

  json_decref(plain.stats);
  json_decref(plain.report);
  json_decref(hedged.stats);
  json_decref(hedged.report);
  return hedged.all.count == 0;
}
