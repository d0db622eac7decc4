/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include "testee.h"

#include <hedgerouter_sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct state state = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void lock(void) {
  pthread_mutex_lock(&state.lock);
}
static void unlock(void) {
  pthread_mutex_unlock(&state.lock);
}

/* --- names; call these with the lock held ------------------------------------------------------------------------ */

struct router *find_router(const char *name) {
  for (struct router *r = state.routers; r && name; r = r->next)
    if (r->name && strcmp(r->name, name) == 0) return r;
  return NULL;
}

struct request *find_request(const char *name) {
  for (struct request *r = state.requests; r && name; r = r->next)
    if (r->name && strcmp(r->name, name) == 0) return r;
  return NULL;
}

void name_router(struct router *router, const char *name) {
  struct router *old = find_router(name);
  if (old) {
    free(old->name);
    old->name = NULL;
  }
  router->name = name ? duplicate(name, strlen(name)) : NULL;
}

void name_request(struct request *request, const char *name) {
  struct request *old = find_request(name);
  if (old) {
    free(old->name);
    old->name = NULL;
  }
  request->name = name ? duplicate(name, strlen(name)) : NULL;
}

struct router *add_router(const char *name, enum delivery delivery) {
  struct router *router = allocate(sizeof *router);
  router->delivery = delivery;
  name_router(router, name);
  router->next = state.routers;
  state.routers = router;
  return router;
}

/* Takes over the document. */
struct request *add_request(struct router *router, struct bytes document, bool pull) {
  struct request *request = allocate(sizeof *request);
  request->router = router;
  request->document = document.data;
  request->document_size = document.size;
  request->pull = pull;
  request->events = json_array();
  request->next = state.requests;
  state.requests = request;
  return request;
}

/* --- finalizers --------------------------------------------------------------------------------------------------- */

static void count_event_finalizer(void *user_data) {
  struct router *router = user_data;
  lock();
  state.event_finalizers++;
  router->closed = true; /* the last thing a router does with its callback */
  pthread_cond_broadcast(&state.changed);
  unlock();
}

static void count_log_finalizer(void *user_data) {
  (void)user_data;
  lock();
  state.log_finalizers++;
  unlock();
}

void count_submit_finalizer(void *user_data) {
  (void)user_data;
  lock();
  state.submit_finalizers++;
  unlock();
}

static void ignore_log(int32_t level, const char *record, size_t size, void *user_data) {
  (void)level, (void)record, (void)size, (void)user_data;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static void record(struct request *request, const hr_event *event) {
  json_array_append_new(request->events, event_value(event));
  if (event->type == HR_EVENT_END) request->ended = true;
  pthread_cond_broadcast(&state.changed);
}

static void *poll_loop(void *argument) {
  struct router *router = argument;
  const hr_router handle = router->handle; /* a copy: freeing the router writes to the original */
  hr_event events[16] = { HR_EVENT_INIT };
  hr_error error = HR_ERROR_INIT;
  int32_t count = 0;
  while (count >= 0) {
    if (router->delivery == DELIVERY_DISPATCH) {
      count = hr_dispatch(handle, 100, &error);
      continue;
    }
    count = hr_poll(handle, events, 16, 100, &error);
    lock();
    for (int32_t i = 0; i < count; i++)
      if (events[i].user_data) record(events[i].user_data, &events[i]);
    unlock();
  }
  lock();
  router->closed = true;
  pthread_cond_broadcast(&state.changed);
  unlock();
  return NULL;
}

static int32_t submit_again(struct request *request, hr_error *error) {
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  char name[256];
  hr_request handle;
  struct bytes document = { duplicate(request->document, request->document_size), request->document_size };
  lock();
  struct request *again = add_request(request->router, document, false);
  snprintf(name, sizeof name, "%s.again", request->name ? request->name : "");
  unlock();
  options.user_data = again;
  options.user_data_free = count_submit_finalizer;
  int32_t code = hr_submit(request->router->handle, document.data, document.size, &options, &handle, error);
  lock();
  again->handle = handle;
  if (code == HR_OK) name_request(again, name);
  unlock();
  return code;
}

static int32_t complete_again(struct request *request, hr_router router, hr_error *error) {
  json_t *document = json_loadb(request->document, request->document_size, 0, NULL);
  json_object_del(document, "stream");
  char *text = json_dumps(document, JSON_COMPACT);
  char *answer = NULL;
  int32_t code = hr_complete(router, text, text ? strlen(text) : 0, NULL, &answer, NULL, error);
  hr_string_free(answer);
  free(text);
  json_decref(document);
  return code;
}

/* Do what on_event asks for; without the lock, for the calls may come back here. */
static int32_t act(struct request *request, hr_router router, const hr_event *event) {
  hr_error error = HR_ERROR_INIT;
  hr_event events[1] = { HR_EVENT_INIT };
  const char *action = request->action;
  int32_t code = HR_E_INVAL;
  if (strcmp(action, "return_nonzero") == 0) return 1;
  if (strcmp(action, "cancel") == 0) code = hr_cancel(event->request, &error);
  if (strcmp(action, "router_free") == 0) code = hr_router_free(&router);
  if (strcmp(action, "poll") == 0) code = hr_poll(router, events, 1, 0, &error);
  if (strcmp(action, "dispatch") == 0) code = hr_dispatch(router, 0, &error);
  if (strcmp(action, "drain") == 0) code = hr_router_drain(router, 0, &error);
  if (strcmp(action, "submit") == 0) code = submit_again(request, &error);
  if (strcmp(action, "complete") == 0) code = complete_again(request, router, &error);
  lock();
  request->callback_status = code;
  request->acted = true;
  unlock();
  return 0;
}

static int32_t on_event(hr_router router, const hr_event *event, void *user_data) {
  (void)user_data;
  struct request *request = event->user_data;
  if (!request) return 0;
  lock();
  bool acts = request->on_event && request->on_event == event->type;
  if (acts) request->on_event = 0;
  unlock();
  int32_t answer = acts ? act(request, router, event) : 0;
  lock();
  record(request, event); /* last, so that whoever collects the END sees the callback's status, too */
  unlock();
  return answer;
}

/* Wait for a change, until a time of now_ms(); false when it has passed. With the lock held. */
static bool wait_for_change(int64_t until) {
  int64_t left = until - now_ms();
  if (left <= 0) return false;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  time.tv_sec += (time_t)(left / 1000);
  time.tv_nsec += (long)(left % 1000) * 1000000;
  if (time.tv_nsec >= 1000000000) {
    time.tv_sec++;
    time.tv_nsec -= 1000000000;
  }
  pthread_cond_timedwait(&state.changed, &state.lock, &time);
  return true;
}

/* Take one event of a pull request; answers as hr_next(). Without the lock. */
static int32_t pull_one(struct request *request, int64_t until, hr_error *error) {
  hr_event event = HR_EVENT_INIT;
  int64_t left = until - now_ms();
  int32_t count = hr_next(request->handle, &event, 1, left > 0 ? left : 0, error);
  if (count > 0) {
    lock();
    record(request, &event);
    unlock();
  }
  return count;
}

/* Wait until there is an event the driver does not have or, with `all`, the END; false when the time passed. */
static bool await_events(struct request *request, int64_t until, bool all, int32_t *code, hr_error *error) {
  *code = HR_OK;
  for (;;) {
    bool enough = all ? request->ended : request->given < json_array_size(request->events) || request->ended;
    if (enough || (!request->pull && request->router->closed)) return true;
    if (!request->pull) {
      if (!wait_for_change(until)) return false;
      continue;
    }
    unlock();
    int32_t count = pull_one(request, until, error);
    lock();
    if (count < 0) {
      *code = count;
      return true;
    }
    if (count == 0 && now_ms() >= until) return false;
  }
}

/* --- ops on requests ---------------------------------------------------------------------------------------------- */

static struct outcome op_next_event(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  int32_t code;
  lock();
  struct request *request = find_request(json_string_value(json_object_get(op, "request")));
  if (!request) {
    unlock();
    return broken("unknown request");
  }
  int64_t until = now_ms() + integer(op, "timeout_ms", 10000);
  /* After the END an event would be a defect; look for one all the same. */
  if (!request->end_given)
    await_events(request, until, false, &code, &error);
  else
    code = HR_OK;
  json_t *event = json_array_get(request->events, request->given);
  if (event) {
    request->given++;
    const char *type = json_string_value(json_object_get(event, "type"));
    if (type && strcmp(type, "end") == 0) request->end_given = true;
  }
  event = event ? json_incref(event) : json_null();
  unlock();
  if (json_is_null(event) && code < 0) return failed(code, &error);
  return ok(json_pack("{s:o}", "event", event));
}

static struct outcome op_collect(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  int32_t code;
  lock();
  struct request *request = find_request(json_string_value(json_object_get(op, "request")));
  if (!request) {
    unlock();
    return broken("unknown request");
  }
  bool in_time = await_events(request, now_ms() + integer(op, "timeout_ms", 10000), true, &code, &error);
  if (request->pull && request->ended && !request->freed) {
    unlock();
    hr_error unused = HR_ERROR_INIT;
    pull_one(request, 0, &unused); /* nothing may come after the END; if it does, show it */
    lock();
  }
  json_t *events = json_array();
  for (; request->given < json_array_size(request->events); request->given++)
    json_array_append(events, json_array_get(request->events, request->given));
  request->end_given = request->ended;
  json_t *value = json_pack("{s:o}", "events", events);
  if (!request->ended && in_time) json_object_set_new(value, "closed", json_true());
  if (!in_time) json_object_set_new(value, "timed_out", json_true());
  if (request->acted)
    json_object_set_new(value, "callback_status", json_string(hr_error_name(request->callback_status)));
  unlock();
  if (code < 0 && code != HR_E_CLOSED) {
    json_decref(value);
    return failed(code, &error);
  }
  return ok(value);
}

/* Reads the options of submit and complete; the texts are to be freed after the call. */
static bool submit_options(const json_t *op, hr_submit_options *options, char **overrides) {
  const json_t *given = json_object_get(op, "options");
  const json_t *value = json_object_get(given, "overrides");
  options->timeout_ms = integer(given, "timeout_ms", 0);
  *overrides = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
  options->overrides = *overrides;
  options->overrides_size = *overrides ? strlen(*overrides) : 0;
  return !value || *overrides;
}

static int32_t event_type(const char *name) {
  if (name && strcmp(name, "start") == 0) return HR_EVENT_START;
  if (name && strcmp(name, "chunk") == 0) return HR_EVENT_CHUNK;
  if (name && strcmp(name, "end") == 0) return HR_EVENT_END;
  return 0;
}

static struct outcome op_submit(const json_t *op) {
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  hr_error error = HR_ERROR_INIT;
  struct bytes document;
  char *overrides;
  const json_t *given = json_object_get(op, "options");
  const json_t *trigger = json_object_get(given, "on_event");
  if (!bytes_of(json_object_get(op, "request"), &document) || !submit_options(op, &options, &overrides)) {
    free(document.data);
    return broken("malformed request or overrides");
  }
  lock();
  struct router *router = find_router(json_string_value(json_object_get(op, "router")));
  if (!router) {
    unlock();
    free(document.data);
    free(overrides);
    return broken("unknown router");
  }
  bool pull = router->delivery == DELIVERY_PULL || json_is_true(json_object_get(given, "pull"));
  struct request *request = add_request(router, document, pull);
  hr_router handle = router->handle;
  if (trigger) {
    const char *action = json_string_value(json_object_get(trigger, "do"));
    request->on_event = event_type(json_string_value(json_object_get(trigger, "type")));
    request->action = duplicate(action ? action : "", action ? strlen(action) : 0);
  }
  const char *name = json_string_value(json_object_get(op, "as"));
  name_request(request, name); /* before submitting: a callback may name a follower after it */
  unlock();

  options.flags = pull ? HR_SUBMIT_PULL : 0;
  options.user_data = request;
  options.user_data_free = count_submit_finalizer;
  hr_request out;
  int32_t code = hr_submit(handle, document.data, document.size, &options, &out, &error);
  lock();
  request->handle = out;
  unlock();
  free(overrides);
  return status(code, &error);
}

static struct outcome op_complete(const json_t *op) {
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  hr_error error = HR_ERROR_INIT;
  struct bytes document;
  char *overrides;
  if (!bytes_of(json_object_get(op, "request"), &document) || !submit_options(op, &options, &overrides)) {
    free(document.data);
    return broken("malformed request or overrides");
  }
  lock();
  struct router *router = find_router(json_string_value(json_object_get(op, "router")));
  hr_router handle = router ? router->handle : (hr_router) { 0 };
  unlock();
  options.user_data = router;
  options.user_data_free = count_submit_finalizer;
  char *answer = NULL;
  size_t size = 0;
  int32_t code = hr_complete(handle, document.data, document.size, &options, &answer, &size, &error);
  struct outcome result = code < 0 ? failed(code, &error) : ok(json_pack("{s:o}", "answer", parsed(answer, size)));
  hr_string_free(answer);
  free(document.data);
  free(overrides);
  return router ? result : broken("unknown router");
}

/* The handle of the request an op names; false when there is none of that name. */
static bool request_of(const json_t *op, hr_request *handle) {
  lock();
  struct request *request = find_request(json_string_value(json_object_get(op, "request")));
  if (request) *handle = request->handle;
  unlock();
  return request != NULL;
}

static struct outcome op_cancel(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  hr_request handle;
  if (!request_of(op, &handle)) return broken("unknown request");
  return status(hr_cancel(handle, &error), &error);
}

static struct outcome op_wait(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  hr_request handle;
  if (!request_of(op, &handle)) return broken("unknown request");
  return status(hr_wait(handle, integer(op, "timeout_ms", -1), &error), &error);
}

static struct outcome op_request_free(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  lock();
  struct request *request = find_request(json_string_value(json_object_get(op, "request")));
  hr_request copy = request ? request->handle : (hr_request) { 0 };
  if (request) request->freed = true;
  unlock();
  return request ? status(hr_request_free(&copy), &error) : broken("unknown request");
}

/* --- ops on routers ----------------------------------------------------------------------------------------------- */

static bool router_of(const json_t *op, hr_router *handle) {
  lock();
  struct router *router = find_router(json_string_value(json_object_get(op, "router")));
  if (router) *handle = router->handle;
  unlock();
  return router != NULL;
}

static bool delivery_of(const char *name, enum delivery *out) {
  static const char *const names[] = { "poll", "dispatch", "thread", "pull" };
  for (int i = 0; i < 4; i++) {
    if (name && strcmp(name, names[i]) != 0) continue;
    *out = (enum delivery)i;
    return true;
  }
  return false;
}

static struct outcome op_router_new(const json_t *op) {
  hr_router_options options = HR_ROUTER_OPTIONS_INIT;
  hr_error error = HR_ERROR_INIT;
  struct bytes config;
  enum delivery delivery;
  if (!delivery_of(json_string_value(json_object_get(json_object_get(op, "options"), "delivery")), &delivery))
    return broken("unknown delivery");
  if (!bytes_of(json_object_get(op, "config"), &config)) {
    free(config.data);
    return broken("malformed config");
  }
  lock();
  struct router *router = add_router(NULL, delivery);
  unlock();
  options.delivery = delivery == DELIVERY_THREAD ? HR_DELIVERY_THREAD : HR_DELIVERY_POLL;
  options.event_callback = on_event;
  options.event_user_data = router;
  options.event_user_data_free = count_event_finalizer;
  options.log_callback = ignore_log;
  options.log_user_data_free = count_log_finalizer;
  options.log_level = HR_LOG_DEBUG;
  int32_t code = hr_router_new(config.data, config.size, &options, &router->handle, &error);
  free(config.data);
  if (code < 0) return failed(code, &error);
  lock();
  name_router(router, json_string_value(json_object_get(op, "as")));
  if (delivery == DELIVERY_POLL || delivery == DELIVERY_DISPATCH)
    router->has_poller = pthread_create(&router->poller, NULL, poll_loop, router) == 0;
  unlock();
  return ok(json_object());
}

static struct outcome op_router_free(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  hr_router copy;
  if (!router_of(op, &copy)) return broken("unknown router");
  return status(hr_router_free(&copy), &error);
}

/* A call that takes a document. */
static struct outcome give(const json_t *op, const char *name,
                           int32_t (*call)(hr_router, const char *, size_t, hr_error *)) {
  hr_error error = HR_ERROR_INIT;
  struct bytes document;
  hr_router handle;
  bool good = bytes_of(json_object_get(op, name), &document) && router_of(op, &handle);
  struct outcome result = good ? status(call(handle, document.data, document.size, &error), &error)
                               : broken("unknown router or malformed %s", name);
  free(document.data);
  return result;
}

/* A call that returns a text, which `value` makes a JSON value. */
static struct outcome take(const json_t *op, const char *name,
                           int32_t (*call)(hr_router, char **, size_t *, hr_error *),
                           json_t *(*value)(const char *, size_t)) {
  hr_error error = HR_ERROR_INIT;
  hr_router handle;
  char *text = NULL;
  size_t size = 0;
  if (!router_of(op, &handle)) return broken("unknown router");
  int32_t code = call(handle, &text, &size, &error);
  struct outcome result = code < 0 ? failed(code, &error) : ok(json_pack("{s:o}", name, value(text, size)));
  hr_string_free(text);
  return result;
}

static struct outcome op_reload(const json_t *op) {
  return give(op, "config", hr_router_reload);
}

static struct outcome op_state_load(const json_t *op) {
  return give(op, "state", hr_state_load);
}

static struct outcome op_state_save(const json_t *op) {
  return take(op, "state", hr_state_save, text_value);
}

static struct outcome op_stats(const json_t *op) {
  return take(op, "stats", hr_stats_json, parsed);
}

static struct outcome op_drain(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  hr_router handle;
  if (!router_of(op, &handle)) return broken("unknown router");
  return status(hr_router_drain(handle, integer(op, "timeout_ms", -1), &error), &error);
}

static struct outcome op_metrics(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  hr_router handle;
  char *text = NULL;
  size_t size = 0;
  if (!router_of(op, &handle)) return broken("unknown router");
  int32_t format = json_is_true(json_object_get(op, "openmetrics")) ? HR_METRICS_OPENMETRICS : HR_METRICS_PROMETHEUS;
  int32_t code = hr_metrics_text(handle, format, &text, &size, &error);
  struct outcome result = code < 0 ? failed(code, &error) : ok(json_pack("{s:o}", "text", json_stringn(text, size)));
  hr_string_free(text);
  return result;
}

/* Free every router, and every pull request before it; wait for the pollers; forget the names. */
static void reset(void) {
  lock();
  for (struct request *r = state.requests; r; r = r->next) {
    if (!r->pull || r->freed) continue;
    r->freed = true;
    unlock();
    hr_request_free(&r->handle);
    lock();
  }
  for (struct router *r = state.routers; r; r = r->next) {
    hr_router handle = r->handle; /* callbacks may still read the original */
    unlock();
    hr_router_free(&handle); /* answers HR_E_BADHANDLE if a case did it before */
    lock();
    if (r->has_poller) {
      r->has_poller = false;
      unlock();
      pthread_join(r->poller, NULL);
      lock();
    }
    free(r->name);
    r->name = NULL;
  }
  for (struct request *r = state.requests; r; r = r->next) {
    free(r->name);
    r->name = NULL;
  }
  state.event_finalizers = state.log_finalizers = state.submit_finalizers = 0;
  unlock();
}

static struct outcome op_reset(const json_t *op) {
  (void)op;
  reset();
  return ok(json_object());
}

/* --- the other ops ------------------------------------------------------------------------------------------------ */

static struct outcome op_hello(const json_t *op) {
  (void)op;
  return ok(json_pack("{s:s, s:s, s:[s,s,s,s,s,s,s,s,s]}", "protocol", "1", "language", "c", "features", "poll",
                      "dispatch", "thread", "pull", "callback", "finalizer", "fork", "sim", "call"));
}

static struct outcome op_versions(const json_t *op) {
  (void)op;
  const char *features = hr_features();
  return ok(json_pack("{s:I, s:s, s:o}", "number", (json_int_t)hr_version(), "version", hr_version_string(), "features",
                      parsed(features, strlen(features))));
}

static struct outcome op_dashboard(const json_t *op) {
  (void)op;
  return ok(json_pack("{s:s}", "text", hr_dashboard_html()));
}

static struct outcome op_error_names(const json_t *op) {
  const json_t *codes = json_object_get(op, "codes");
  json_t *names = json_array(), *descriptions = json_array();
  for (size_t i = 0; i < json_array_size(codes); i++) {
    int32_t code = (int32_t)json_integer_value(json_array_get(codes, i));
    json_array_append_new(names, json_string(hr_error_name(code)));
    json_array_append_new(descriptions, json_string(hr_error_description(code)));
  }
  return ok(json_pack("{s:o, s:o}", "names", names, "descriptions", descriptions));
}

static struct outcome op_config_check(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  struct bytes config;
  char *report = NULL;
  size_t size = 0;
  if (!bytes_of(json_object_get(op, "config"), &config)) {
    free(config.data);
    return broken("malformed config");
  }
  int32_t code = hr_config_check(config.data, config.size, &report, &size, &error);
  free(config.data);
  struct outcome result =
      code < 0 && code != HR_E_CONFIG
          ? failed(code, &error)
          : ok(json_pack("{s:s, s:o}", "status", hr_error_name(code), "report", parsed(report, size)));
  hr_string_free(report);
  return result;
}

static struct outcome op_config_schema(const json_t *op) {
  (void)op;
  const char *schema = hr_config_schema();
  return ok(json_pack("{s:o}", "schema", parsed(schema, strlen(schema))));
}

static struct outcome op_sim(const json_t *op) {
  hr_error error = HR_ERROR_INIT;
  struct bytes script;
  char *out = NULL;
  size_t size = 0;
  bool core = strcmp(json_string_value(json_object_get(op, "op")), "sim_core") == 0;
  if (!bytes_of(json_object_get(op, "script"), &script)) {
    free(script.data);
    return broken("malformed script");
  }
  int32_t code = core ? hr_sim_core(script.data, script.size, &out, &size, &error)
                      : hr_sim_codec(script.data, script.size, &out, &size, &error);
  free(script.data);
  struct outcome result = code < 0 ? failed(code, &error) : ok(json_pack("{s:o}", "out", parsed(out, size)));
  hr_string_free(out);
  return result;
}

static struct outcome op_finalizers(const json_t *op) {
  (void)op;
  lock();
  json_t *counts = json_pack("{s:I, s:I, s:I}", "event", state.event_finalizers, "log", state.log_finalizers, "submit",
                             state.submit_finalizers);
  unlock();
  return ok(counts);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  bool blocks;
  struct outcome (*run)(const json_t *op);
} ops[] = {
  { "hello", false, op_hello },
  { "versions", false, op_versions },
  { "error_names", false, op_error_names },
  { "reset", true, op_reset },
  { "router_new", false, op_router_new },
  { "router_free", true, op_router_free },
  { "reload", false, op_reload },
  { "drain", true, op_drain },
  { "stats", false, op_stats },
  { "metrics", false, op_metrics },
  { "state_save", false, op_state_save },
  { "state_load", false, op_state_load },
  { "dashboard", false, op_dashboard },
  { "config_check", false, op_config_check },
  { "config_schema", false, op_config_schema },
  { "submit", false, op_submit },
  { "next_event", true, op_next_event },
  { "collect", true, op_collect },
  { "cancel", false, op_cancel },
  { "wait", true, op_wait },
  { "request_free", false, op_request_free },
  { "complete", true, op_complete },
  { "finalizers", false, op_finalizers },
  { "sim_core", false, op_sim },
  { "sim_codec", false, op_sim },
  { "call", false, op_call },
  { "fork", true, op_fork },
};

static void answer(const json_t *op, struct outcome outcome) {
  json_t *line = json_pack("{s:O, s:o}", "id", json_object_get(op, "id"), outcome.kind, outcome.value);
  char *text = json_dumps(line, JSON_COMPACT);
  flockfile(stdout);
  if (text)
    puts(text);
  else
    puts("{\"id\":0,\"broken\":\"the result cannot be written\"}");
  fflush(stdout);
  funlockfile(stdout);
  free(text);
  json_decref(line);
}

static size_t place_of(const json_t *op) {
  const char *name = json_string_value(json_object_get(op, "op"));
  size_t place = 0;
  while (place < sizeof ops / sizeof *ops && !(name && strcmp(ops[place].name, name) == 0))
    place++;
  return place;
}

static void *run_blocking(void *argument) {
  json_t *op = argument;
  answer(op, ops[place_of(op)].run(op));
  json_decref(op);
  lock();
  state.open_ops--;
  pthread_cond_broadcast(&state.changed);
  unlock();
  return NULL;
}

/* Takes over the operation: it belongs to one thread at a time. */
static void run(json_t *op) {
  size_t place = place_of(op);
  pthread_t thread;
  if (place == sizeof ops / sizeof *ops) {
    answer(op, broken("unknown op"));
    json_decref(op);
  } else if (!ops[place].blocks) {
    answer(op, ops[place].run(op));
    json_decref(op);
  } else {
    lock();
    state.open_ops++;
    unlock();
    if (pthread_create(&thread, NULL, run_blocking, op) == 0)
      pthread_detach(thread);
    else
      run_blocking(op);
  }
}

static void release_everything(void) {
  reset();
  lock();
  while (state.open_ops > 0)
    pthread_cond_wait(&state.changed, &state.lock);
  unlock();
  while (state.requests) {
    struct request *next = state.requests->next;
    json_decref(state.requests->events);
    free(state.requests->document);
    free(state.requests->action);
    free(state.requests);
    state.requests = next;
  }
  while (state.routers) {
    struct router *next = state.routers->next;
    free(state.routers);
    state.routers = next;
  }
}

int main(void) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t length;
  json_object_seed(0); /* before there are threads */
  while ((length = getline(&line, &capacity, stdin)) > 0) {
    json_t *op = json_loadb(line, (size_t)length, JSON_ALLOW_NUL, NULL);
    if (op)
      run(op);
    else
      fputs("testee: a line is not a JSON object\n", stderr);
  }
  free(line);
  release_everything();
  return 0;
}
