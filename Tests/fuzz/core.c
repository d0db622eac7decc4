/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * The input as a sequence of events for the decision core under its virtual clock, with settings it chooses as well.
 * Whatever happens and in whatever order: every request finishes exactly once and nothing happens for it afterwards,
 * one attempt at most is committed, an attempt is cancelled at most once and never after its own end, no request has
 * more attempts in flight than it may, and the core finds itself consistent.
 */

#include "fuzz.h"

enum { STEPS = 24, REQUESTS = 8, ATTEMPTS = 256, MAX_IN_FLIGHT = 3 };

static const char *const failures[] = { "authentication", "rateLimit",  "server",    "transport",
                                        "overloaded",     "badRequest", "truncated", "contextLength",
                                        "quota",          "notFound",   "internal" };

enum { FAILURES = sizeof failures / sizeof *failures };

/* What the timeline's events say happened; the core's answers are compared with it. */
typedef struct story {
  text script;                 /* Without the closing brackets. */
  double at;                   /* Virtual milliseconds. */
  int requests;                /* Submitted so far: r1, r2, ... */
  int is_stream[REQUESTS + 1]; /* By request. */
  int has_token[ATTEMPTS];     /* By attempt. */
} story;

static char *play(const story *of) {
  text script = { 0 };
  text_bytes(&script, of->script.data, of->script.size);
  text_format(&script, "]}");
  char *out = NULL;
  hr_error error = HR_ERROR_INIT;
  int32_t status = hr_sim_core(script.data, script.size, &out, NULL, &error);
  if (status != HR_OK) {
    fprintf(stderr, "%s\n", script.data);
    broken("a well-formed script is played", error.message);
  }
  free(script.data);
  return out;
}

static unsigned count_starts(const char *out) {
  unsigned count = 0;
  for (const char *at = out; (at = strstr(at, "\"start\"")); at++)
    count++;
  return count;
}

/* Only an attempt of a streaming request has a first token, and has it once. */
static int may_have_first_token(const story *of, const char *out, unsigned attempt) {
  char name[48];
  snprintf(name, sizeof name, "\"attempt\":%u,\"request\":\"r", attempt);
  const char *found = strstr(out, name);
  int request = found ? atoi(found + strlen(name)) : 0;
  return request >= 1 && request <= REQUESTS && of->is_stream[request] && attempt < ATTEMPTS && !of->has_token[attempt];
}

/* Whether the core's answer says that a request finished: only an open request can be cancelled. */
static int has_finished(const char *out, unsigned number) {
  char name[32];
  snprintf(name, sizeof name, "\"request\":\"r%u\"", number);
  for (const char *at = out; (at = strstr(at, "\"finish\"")); at++) {
    const char *found = strstr(at, name);
    if (found && found < strchr(at, '}')) return 1;
  }
  return 0;
}

static void open_script(story *of, input *in) {
  unsigned knobs = take(in);
  text_format(&of->script, "{\"seed\": %u, \"config\": {\"model_list\": [", take(in));
  unsigned deployments = 1 + take_below(in, 4);
  for (unsigned i = 0; i < deployments; i++) {
    text_format(&of->script,
                "%s{\"model_name\": \"m\", \"litellm_params\": {\"model\": \"openai/m\", \"api_key\": \"k\", "
                "\"api_base\": \"http://127.0.0.%u:1/v1\"}, \"model_info\": {\"id\": \"d%u\"}}",
                i ? ", " : "", i + 1, i);
  }
  text_format(&of->script,
              "], \"router_settings\": {\"allowed_fails\": %u, \"timeout\": %u, \"cooldown_time\": %u, "
              "\"routing_strategy_args\": {\"enable_cold_start_parallel\": %s, \"max_parallel_requests\": %d, "
              "\"hedge_budget\": %s, \"control_fraction\": 0}}}, \"timeline\": [",
              take_below(in, 4), 1 + take_below(in, 60), take_below(in, 30), knobs & 1 ? "true" : "false",
              MAX_IN_FLIGHT, knobs & 2 ? "1.0" : "0.1");
}

static void add_event(story *of, const char *separator, input *in) {
  static const unsigned waits[] = { 0, 0, 1, 5, 50, 100, 300, 1000, 5000, 30000 };
  of->at += waits[take_below(in, sizeof waits / sizeof *waits)];
  unsigned kind = take_below(in, 10);
  unsigned which = take(in);
  unsigned request = 1 + which % (of->requests ? (unsigned)of->requests : 1);
  unsigned attempt = 0;
  int finished = 1, tokenless = 0;
  if (kind >= 2 && kind <= 7) {
    char *so_far = play(of);
    unsigned started = count_starts(so_far);
    if (started) attempt = started - which % (started < 4 ? started : 4);
    finished = has_finished(so_far, request);
    tokenless = may_have_first_token(of, so_far, attempt);
    hr_string_free(so_far);
  }
  text_format(&of->script, "%s{\"at\": %.0f, \"event\": ", separator, of->at);
  if (kind <= 1 && of->requests < REQUESTS) {
    text_format(&of->script, "{\"submit\": {\"request\": \"r%d\", \"group\": \"m\", \"stream\": %s", ++of->requests,
                which & 1 ? "true" : "false");
    of->is_stream[of->requests] = which & 1;
    if (which & 2) text_format(&of->script, ", \"timeout_ms\": %u", 1 + (which >> 2) * 100);
    text_format(&of->script, "}}");
  } else if ((kind == 2 || kind == 3) && tokenless) {
    of->has_token[attempt] = 1;
    text_format(&of->script, "{\"first_token\": {\"attempt\": %u}}", attempt);
  } else if (kind == 4 && attempt) {
    text_format(&of->script, "{\"ended\": {\"attempt\": %u, \"ok\": {}}}", attempt);
  } else if (kind == 5 && attempt) {
    text_format(&of->script, "{\"ended\": {\"attempt\": %u, \"failed\": {\"kind\": \"%s\"%s}}}", attempt,
                failures[which % FAILURES], which & 1 ? ", \"retry_after_ms\": 7000" : "");
  } else if (kind == 6 && attempt) {
    text_format(&of->script, "{\"progressed\": {\"attempt\": %u}}", attempt);
  } else if (kind == 7 && of->requests > 0 && !finished) {
    text_format(&of->script, "{\"cancel\": {\"request\": \"r%u\"}}", request);
  } else if (kind == 8) {
    text_format(&of->script,
                "{\"observe\": {\"deployment\": \"d0\", \"stream\": %s, \"%s\": [%u, %u, %u, %u, %u, %u]}}",
                which & 1 ? "true" : "false", which & 1 ? "ttft_ms" : "total_ms", 1 + which, 2 + which, 3 + which,
                4 + which, 5 + which, 40 * which + 6);
  } else {
    text_format(&of->script, "{\"advance\": {}}");
  }
  text_format(&of->script, "}");
}

/* What the core's actions say about one attempt or request. */
typedef struct attempt_record {
  int request;
  int live;
} attempt_record;

typedef struct request_record {
  int submitted, commits, finishes, in_flight;
} request_record;

typedef struct ledger {
  attempt_record attempts[ATTEMPTS];
  request_record requests[REQUESTS + 1];
  const attempt_record *ended; /* The attempt that the current step's event ends, if any. */
  const char *out;
} ledger;

static request_record *request_of(ledger *in, const json_t *action) {
  const char *name = json_string_value(json_object_get(action, "request"));
  int number = name && name[0] == 'r' ? atoi(name + 1) : 0;
  if (number < 1 || number > REQUESTS) broken("actions name a request", in->out);
  return &in->requests[number];
}

static attempt_record *attempt_of(ledger *in, const json_t *action) {
  json_int_t number = json_integer_value(json_object_get(action, "attempt"));
  if (number < 1 || number >= ATTEMPTS) broken("actions name an attempt", in->out);
  return &in->attempts[number];
}

static void retire(ledger *in, attempt_record *attempt) {
  if (!attempt->live) return;
  attempt->live = 0;
  in->requests[attempt->request].in_flight--;
}

static void enter_action(ledger *in, const char *kind, const json_t *action) {
  if (strcmp(kind, "start") == 0) {
    request_record *request = request_of(in, action);
    attempt_record *attempt = attempt_of(in, action);
    if (request->finishes || request->commits) broken("nothing starts after the commit or the end", in->out);
    if (attempt->request) broken("an attempt starts once", in->out);
    *attempt = (attempt_record) { (int)(request - in->requests), 1 };
    if (++request->in_flight > MAX_IN_FLIGHT) broken("no more attempts in flight than allowed", in->out);
  } else if (strcmp(kind, "cancel") == 0) {
    attempt_record *attempt = attempt_of(in, action);
    /* A timer of the same instant may have come first. */
    if (!attempt->live && attempt != in->ended) broken("only a live attempt is cancelled", in->out);
    retire(in, attempt);
  } else if (strcmp(kind, "commit") == 0) {
    request_record *request = request_of(in, action);
    if (request->finishes || ++request->commits > 1) broken("a request is committed once, before its end", in->out);
    if (!attempt_of(in, action)->request) broken("a commit names a started attempt", in->out);
  } else if (strcmp(kind, "finish") == 0) {
    if (++request_of(in, action)->finishes > 1) broken("a request finishes once", in->out);
  }
}

/* The event of a step comes before its actions; an attempt that ended is no longer live. */
static void enter_event(ledger *in, const json_t *event) {
  const json_t *ended = json_object_get(event, "ended");
  if (!ended) return;
  attempt_record *attempt = attempt_of(in, ended);
  in->ended = attempt;
  retire(in, attempt);
}

static void check_story(const story *of, const char *out) {
  static ledger books;
  memset(&books, 0, sizeof books);
  books.out = out;
  json_t *document = parsed(out, strlen(out), "hr_sim_core");
  text closed = { 0 };
  text_bytes(&closed, of->script.data, of->script.size);
  text_format(&closed, "]}");
  json_t *script = parsed(closed.data, closed.size, "script");
  const json_t *timeline = json_object_get(script, "timeline");
  size_t step, index;
  json_t *entry, *action;
  json_array_foreach(json_object_get(document, "steps"), step, entry) {
    /* Timers that were due before the event act before it; its own actions come at its own time. */
    const json_t *event = json_object_get(json_array_get(timeline, step), "event");
    double at = json_number_value(json_object_get(json_array_get(timeline, step), "at"));
    int entered = 0;
    books.ended = NULL;
    json_array_foreach(json_object_get(entry, "actions"), index, action) {
      const char *kind;
      json_t *fields;
      json_object_foreach(action, kind, fields) {
        if (!entered && json_number_value(json_object_get(fields, "at")) >= at && strcmp(kind, "cancel") != 0) {
          enter_event(&books, event);
          entered = 1;
        }
        enter_action(&books, kind, fields);
      }
    }
    if (!entered) enter_event(&books, event);
  }
  for (int i = 1; i <= of->requests; i++) {
    if (books.requests[i].finishes != 1) broken("every request finishes", out);
    if (books.requests[i].in_flight != 0) broken("every attempt ends", out);
  }
  if (json_integer_value(json_object_get(document, "inconsistencies")) != 0) broken("the core is consistent", out);
  json_decref(script);
  json_decref(document);
  free(closed.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = { data, size };
  story tale = { 0 };
  open_script(&tale, &in);
  int steps = 0;
  while (in.size > 0 && steps < STEPS)
    add_event(&tale, steps++ ? ", " : "", &in);
  /* Long after the last deadline everything must have ended. */
  text_format(&tale.script, "%s{\"at\": %.0f, \"event\": {\"advance\": {}}}", steps ? ", " : "", tale.at + 1e6);
  char *out = play(&tale);
  check_story(&tale, out);
  hr_string_free(out);
  free(tale.script.data);
  return 0;
}
