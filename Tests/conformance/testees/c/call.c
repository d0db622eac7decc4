/*
 * SPDX-License-Identifier: Apache-2.0
 */

/* Raw calls: any function of the header with any arguments, good or bad. */

#include "testee.h"

#include <hedgerouter_sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 64 };

/* A struct argument in a block of exactly the size it claims, so that valgrind and ASan see a library that reads or
   writes beyond it. */
struct block {
  void *data; /* NULL for a NULL argument */
  size_t size;
};

/* The arguments of one call; what the driver left out has a valid value. */
struct arguments {
  const json_t *given;
  const char *as;
  hr_router router, *router_pointer;
  hr_request request, *request_pointer;
  struct router *router_entry;
  struct request *request_entry;
  struct bytes document; /* config, request or script */
  const char *document_pointer;
  size_t document_size;
  struct bytes overrides;
  struct block options;
  struct block error;
  hr_error *error_pointer;
  hr_event events[EVENTS], *events_pointer;
  size_t capacity;
  char *text, **out;
  size_t text_size, *out_size;
  hr_router new_router, *new_router_pointer;
  hr_request new_request, *new_request_pointer;
};

/* What a call did, besides its effects. */
struct answer {
  int32_t code;
  const char *text; /* for functions that return text */
  bool has_out;     /* it has an out-string */
  bool has_handle;  /* it sets or clears a handle */
  uint64_t handle;
};

static const json_t *argument(const struct arguments *a, const char *name) {
  return json_object_get(a->given, name);
}

static bool is_null(const struct arguments *a, const char *name) {
  return json_is_null(argument(a, name));
}

static int64_t number(const struct arguments *a, const char *name, int64_t otherwise) {
  return integer(a->given, name, otherwise);
}

/* --- reading the arguments ---------------------------------------------------------------------------------------- */

static bool raw_handle(const json_t *value, uint64_t *id) {
  const char *digits = json_string_value(json_object_get(value, "raw"));
  if (digits) *id = strtoull(digits, NULL, 10);
  return digits != NULL;
}

/* A block with the first bytes of `initial`, or all of it and zeros. */
static struct block block_of(const void *initial, size_t initial_size, size_t size) {
  struct block block = { allocate(size), size };
  memcpy(block.data, initial, size < initial_size ? size : initial_size);
  return block;
}

static size_t claimed_size(const json_t *value, size_t otherwise) {
  json_int_t size = integer(value, "struct_size", (json_int_t)otherwise);
  return size < 4 ? 4 : (size_t)size > 1u << 20 ? otherwise : (size_t)size; /* the library must read struct_size */
}

static void read_error(struct arguments *a) {
  const json_t *value = argument(a, "error");
  hr_error error = HR_ERROR_INIT;
  if (json_is_null(value)) return;
  error.struct_size = (uint32_t)integer(value, "struct_size", sizeof error);
  a->error = block_of(&error, sizeof error, claimed_size(value, sizeof error));
  a->error_pointer = a->error.data;
}

static void set_tail(struct block block, const json_t *value) {
  const json_t *tail = json_object_get(value, "tail");
  if (tail) ((unsigned char *)block.data)[block.size - 1] = (unsigned char)json_integer_value(tail);
}

static void read_router_options(struct arguments *a) {
  const json_t *value = argument(a, "options");
  hr_router_options options = HR_ROUTER_OPTIONS_INIT;
  if (!json_is_object(value)) return;
  options.struct_size = (uint32_t)integer(value, "struct_size", sizeof options);
  options.delivery = (int32_t)integer(value, "delivery", options.delivery);
  options.reserved = (int32_t)integer(value, "reserved", options.reserved);
  a->options = block_of(&options, sizeof options, claimed_size(value, sizeof options));
  set_tail(a->options, value);
}

static bool read_submit_options(struct arguments *a) {
  const json_t *value = argument(a, "options");
  const json_t *overrides = json_object_get(value, "overrides");
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  if (!json_is_object(value)) return true;
  options.struct_size = (uint32_t)integer(value, "struct_size", sizeof options);
  options.flags = (uint32_t)integer(value, "flags", 0);
  options.timeout_ms = integer(value, "timeout_ms", 0);
  if (overrides && !bytes_of(overrides, &a->overrides)) return false;
  options.overrides = a->overrides.data;
  options.overrides_size = (size_t)integer(value, "overrides_size", (json_int_t)a->overrides.size);
  a->options = block_of(&options, sizeof options, claimed_size(value, sizeof options));
  set_tail(a->options, value);
  return true;
}

/* The document of a call: a bytes spec, NULL, or what was left out: an empty object. */
static bool read_document(struct arguments *a, const char *name) {
  const json_t *value = argument(a, name);
  char size_name[64];
  snprintf(size_name, sizeof size_name, "%s_size", name);
  if (value && !json_is_null(value)) {
    if (!bytes_of(value, &a->document)) return false;
  } else if (!value) {
    a->document = (struct bytes) { duplicate("{}", 2), 2 };
  }
  a->document_pointer = a->document.data;
  a->document_size = (size_t)number(a, size_name, (int64_t)a->document.size);
  return true;
}

static bool read_router(struct arguments *a) {
  const json_t *value = argument(a, "router");
  if (!raw_handle(value, &a->router.id) && json_is_string(value)) {
    pthread_mutex_lock(&state.lock);
    a->router_entry = find_router(json_string_value(value));
    if (a->router_entry) a->router = a->router_entry->handle;
    pthread_mutex_unlock(&state.lock);
    if (!a->router_entry) return false;
  }
  a->router_pointer = json_is_null(value) ? NULL : &a->router;
  return true;
}

static bool read_request_handle(struct arguments *a) {
  const json_t *value = argument(a, "request");
  if (!raw_handle(value, &a->request.id) && json_is_string(value)) {
    pthread_mutex_lock(&state.lock);
    a->request_entry = find_request(json_string_value(value));
    if (a->request_entry) a->request = a->request_entry->handle;
    pthread_mutex_unlock(&state.lock);
    if (!a->request_entry) return false;
  }
  a->request_pointer = json_is_null(value) ? NULL : &a->request;
  return true;
}

static bool read_arguments(struct arguments *a, const json_t *op) {
  const hr_event event = HR_EVENT_INIT;
  a->given = json_object_get(op, "args");
  a->as = json_string_value(json_object_get(op, "as"));
  a->events[0] = event;
  a->events[0].struct_size = (uint32_t)integer(argument(a, "events"), "struct_size", sizeof event);
  a->events_pointer = is_null(a, "events") ? NULL : a->events;
  a->capacity = (size_t)number(a, "capacity", EVENTS);
  a->out = is_null(a, "out") || is_null(a, "report") ? NULL : &a->text;
  a->out_size = is_null(a, "out_size") || is_null(a, "report_size") ? NULL : &a->text_size;
  a->new_router_pointer = is_null(a, "out") ? NULL : &a->new_router;
  a->new_request_pointer = is_null(a, "out") ? NULL : &a->new_request;
  read_error(a);
  return read_router(a);
}

static void free_arguments(struct arguments *a) {
  free(a->overrides.data);
  free(a->options.data);
  free(a->error.data);
}

/* --- the calls ---------------------------------------------------------------------------------------------------- */

static struct answer plain(int32_t code) {
  return (struct answer) { .code = code };
}

static struct answer with_out(int32_t code) {
  return (struct answer) { .code = code, .has_out = true };
}

static struct answer call_router_new(struct arguments *a) {
  read_router_options(a);
  int32_t code =
      hr_router_new(a->document_pointer, a->document_size, a->options.data, a->new_router_pointer, a->error_pointer);
  if (a->new_router.id) {
    pthread_mutex_lock(&state.lock);
    add_router(a->as, DELIVERY_PULL)->handle = a->new_router; /* nobody polls it unless a case does */
    pthread_mutex_unlock(&state.lock);
  }
  return (struct answer) { .code = code, .has_handle = true, .handle = a->new_router.id };
}

static struct answer call_submit(struct arguments *a) {
  int32_t code = hr_submit(a->router, a->document_pointer, a->document_size, a->options.data, a->new_request_pointer,
                           a->error_pointer);
  if (a->new_request.id) {
    const hr_submit_options *options = a->options.data;
    bool pull = options && a->options.size >= 8 && (options->flags & HR_SUBMIT_PULL);
    pthread_mutex_lock(&state.lock);
    struct request *request = add_request(a->router_entry, a->document, pull);
    request->handle = a->new_request;
    name_request(request, a->as);
    a->document.data = NULL;
    pthread_mutex_unlock(&state.lock);
  }
  return (struct answer) { .code = code, .has_handle = true, .handle = a->new_request.id };
}

static struct answer call_request_free(struct arguments *a) {
  int32_t code = hr_request_free(a->request_pointer);
  if (code == HR_OK && a->request_entry) a->request_entry->freed = true;
  return (struct answer) { .code = code, .has_handle = true, .handle = a->request.id };
}

static struct answer call_router_free(struct arguments *a) {
  int32_t code = hr_router_free(a->router_pointer);
  return (struct answer) { .code = code, .has_handle = true, .handle = a->router.id };
}

/* Structs for the init functions hold something else before, so that what was not initialised shows. */
static struct answer call_init(struct arguments *a, const char *fn) {
  union {
    hr_error error;
    hr_router_options router_options;
    hr_submit_options submit_options;
  } *structs = allocate(sizeof *structs);
  const char *name = strcmp(fn, "hr_error_init") == 0 ? "error" : "options";
  size_t size = strcmp(fn, "hr_error_init") == 0            ? sizeof(hr_error)
                : strcmp(fn, "hr_router_options_init") == 0 ? sizeof(hr_router_options)
                                                            : sizeof(hr_submit_options);
  void *pointer = is_null(a, name) ? NULL : structs;
  size = (size_t)number(a, "size", (int64_t)size);
  memset(structs, 0x5A, sizeof *structs);
  int32_t code = strcmp(fn, "hr_error_init") == 0            ? hr_error_init(pointer, size)
                 : strcmp(fn, "hr_router_options_init") == 0 ? hr_router_options_init(pointer, size)
                                                             : hr_submit_options_init(pointer, size);
  free(a->error.data);
  a->error = (struct block) { NULL, 0 };
  a->error_pointer = NULL;
  if (pointer && strcmp(fn, "hr_error_init") == 0) {
    structs->error.path[sizeof structs->error.path - 1] = '\0';
    structs->error.message[sizeof structs->error.message - 1] = '\0';
    a->error = (struct block) { structs, sizeof(hr_error) };
    a->error_pointer = a->error.data;
  } else {
    free(structs);
  }
  return plain(code);
}

/* A string of the library's own for hr_string_free(), unless the driver wants NULL. */
static struct answer call_string_free(struct arguments *a) {
  char *string = NULL;
  if (!is_null(a, "string")) hr_config_check("{}", 2, &string, NULL, NULL);
  hr_string_free(string);
  return plain(HR_OK);
}

/* Makes the call; false when there is no such function or an argument cannot be understood. */
static bool make_call(const char *fn, struct arguments *a, struct answer *out) {
  int64_t timeout = number(a, "timeout_ms", 0);
  hr_error *error = a->error_pointer;
#define IS(name) (strcmp(fn, name) == 0)
  if (IS("hr_router_new") || IS("hr_router_reload") || IS("hr_config_check")) {
    if (!read_document(a, "config")) return false;
    if (IS("hr_router_new"))
      *out = call_router_new(a);
    else if (IS("hr_router_reload"))
      *out = plain(hr_router_reload(a->router, a->document_pointer, a->document_size, error));
    else
      *out = with_out(hr_config_check(a->document_pointer, a->document_size, a->out, a->out_size, error));
  } else if (IS("hr_submit") || IS("hr_complete")) {
    if (!read_document(a, "request") || !read_submit_options(a)) return false;
    if (IS("hr_submit"))
      *out = call_submit(a);
    else
      *out = with_out(
          hr_complete(a->router, a->document_pointer, a->document_size, a->options.data, a->out, a->out_size, error));
  } else if (IS("hr_sim_core") || IS("hr_sim_codec")) {
    if (!read_document(a, "script")) return false;
    *out =
        with_out(IS("hr_sim_core") ? hr_sim_core(a->document_pointer, a->document_size, a->out, a->out_size, error)
                                   : hr_sim_codec(a->document_pointer, a->document_size, a->out, a->out_size, error));
  } else if (IS("hr_cancel") || IS("hr_next") || IS("hr_wait") || IS("hr_request_free")) {
    if (!read_request_handle(a)) return false;
    if (IS("hr_cancel"))
      *out = plain(hr_cancel(a->request, error));
    else if (IS("hr_wait"))
      *out = plain(hr_wait(a->request, timeout, error));
    else if (IS("hr_request_free"))
      *out = call_request_free(a);
    else
      *out = plain(hr_next(a->request, a->events_pointer, a->capacity, timeout, error));
  } else if (IS("hr_router_free"))
    *out = call_router_free(a);
  else if (IS("hr_router_drain"))
    *out = plain(hr_router_drain(a->router, timeout, error));
  else if (IS("hr_poll"))
    *out = plain(hr_poll(a->router, a->events_pointer, a->capacity, timeout, error));
  else if (IS("hr_dispatch"))
    *out = plain(hr_dispatch(a->router, timeout, error));
  else if (IS("hr_event_fd"))
    *out = plain(hr_event_fd(a->router, error));
  else if (IS("hr_wake"))
    *out = plain(hr_wake(a->router));
  else if (IS("hr_stats_json"))
    *out = with_out(hr_stats_json(a->router, a->out, a->out_size, error));
  else if (IS("hr_metrics_text"))
    *out = with_out(hr_metrics_text(a->router, (int32_t)number(a, "format", 0), a->out, a->out_size, error));
  else if (IS("hr_state_save"))
    *out = with_out(hr_state_save(a->router, a->out, a->out_size, error));
  else if (IS("hr_state_load")) {
    if (!read_document(a, "state")) return false;
    *out = plain(hr_state_load(a->router, a->document_pointer, a->document_size, error));
  } else if (IS("hr_string_free"))
    *out = call_string_free(a);
  else if (IS("hr_error_name"))
    *out = (struct answer) { .text = hr_error_name((int32_t)number(a, "code", 0)) };
  else if (IS("hr_error_description"))
    *out = (struct answer) { .text = hr_error_description((int32_t)number(a, "code", 0)) };
  else if (IS("hr_error_init") || IS("hr_router_options_init") || IS("hr_submit_options_init"))
    *out = call_init(a, fn);
  else
    return false;
#undef IS
  return true;
}

/* These take no hr_error. */
static bool has_error(const char *fn) {
  static const char *const without[] = { "hr_router_free",         "hr_request_free",       "hr_wake",
                                         "hr_string_free",         "hr_error_name",         "hr_error_description",
                                         "hr_router_options_init", "hr_submit_options_init" };
  for (size_t i = 0; i < sizeof without / sizeof *without; i++)
    if (strcmp(fn, without[i]) == 0) return false;
  return true;
}

static json_t *result_of(const char *fn, struct arguments *a, struct answer answer) {
  json_t *value = json_object();
  if (answer.text) {
    json_object_set_new(value, "text", text_value(answer.text, strlen(answer.text)));
    return value;
  }
  json_object_set_new(value, "status",
                      answer.code > 0 ? json_integer(answer.code) : json_string(hr_error_name(answer.code)));
  if (a->error_pointer && has_error(fn)) {
    hr_error error = HR_ERROR_INIT;
    memcpy(&error, a->error.data, a->error.size < sizeof error ? a->error.size : sizeof error);
    json_object_set_new(value, "error", error_value(error.code, &error));
  }
  if (answer.has_out)
    json_object_set_new(value, "out",
                        a->text ? parsed(a->text, a->out_size ? a->text_size : strlen(a->text)) : json_null());
  if (answer.has_handle) json_object_set_new(value, "handle", json_boolean(answer.handle != 0));
  return value;
}

struct outcome op_call(const json_t *op) {
  const char *fn = json_string_value(json_object_get(op, "fn"));
  struct arguments *a = allocate(sizeof *a);
  struct answer answer;
  struct outcome outcome = broken("unknown function, name or argument of a call");
  if (fn && read_arguments(a, op) && make_call(fn, a, &answer)) {
    json_decref(outcome.value);
    outcome = ok(result_of(fn, a, answer));
    hr_string_free(a->text);
  }
  free(a->document.data);
  free_arguments(a);
  free(a);
  return outcome;
}

/* --- fork --------------------------------------------------------------------------------------------------------- */

static void child(const json_t *calls, int descriptor) {
  json_t *results = json_array();
  for (size_t i = 0; i < json_array_size(calls); i++)
    json_array_append_new(results, op_call(json_array_get(calls, i)).value);
  char *text = json_dumps(results, JSON_COMPACT);
  size_t size = text ? strlen(text) : 0, sent = 0;
  while (sent < size) {
    ssize_t count = write(descriptor, text + sent, size - sent);
    if (count <= 0) _exit(4);
    sent += (size_t)count;
  }
  _exit(0);
}

struct outcome op_fork(const json_t *op) {
  int ends[2];
  if (pipe(ends) != 0) return broken("no pipe");
  /* The child must inherit no lock that a thread it lacks has taken, and no text that was not written yet. */
  pthread_mutex_lock(&state.lock);
  flockfile(stdout);
  fflush(stdout);
  pid_t pid = fork();
  funlockfile(stdout);
  pthread_mutex_unlock(&state.lock);
  if (pid < 0) return broken("no fork");
  if (pid == 0) {
    alarm(20); /* a call that hangs must not leave the child behind */
    close(ends[0]);
    child(json_object_get(op, "calls"), ends[1]);
  }
  close(ends[1]);
  char text[65536];
  size_t size = 0;
  ssize_t count;
  while (size < sizeof text && (count = read(ends[0], text + size, sizeof text - size)) > 0)
    size += (size_t)count;
  close(ends[0]);
  int wait_status = 0;
  waitpid(pid, &wait_status, 0);
  json_t *results = json_loadb(text, size, 0, NULL);
  return ok(json_pack("{s:o, s:i}", "results", results ? results : json_null(), "exit",
                      WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status)));
}
