/*
 * SPDX-License-Identifier: Apache-2.0
 */

/* The C testee: PROTOCOL.md over stdin and stdout, and the public header. What its three files share. */

#ifndef TESTEE_H
#define TESTEE_H

#include <hedgerouter.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

/* How the events of a router reach the testee. */
enum delivery { DELIVERY_POLL, DELIVERY_DISPATCH, DELIVERY_THREAD, DELIVERY_PULL };

/* Entries stay until the program ends, since late events, finalizers and stale names may still refer to them. */
struct router {
  struct router *next;
  char *name; /* NULL after a reset or when the name was given again */
  hr_router handle;
  enum delivery delivery;
  pthread_t poller;
  bool has_poller;
  bool closed; /* nothing more comes from this router */
};

struct request {
  struct request *next;
  char *name;
  hr_request handle;
  struct router *router;
  char *document; /* as submitted, for the callback actions that submit it again */
  size_t document_size;
  bool pull;
  bool freed;
  bool ended;
  bool end_given;
  json_t *events;   /* every event so far */
  size_t given;     /* how many of them the driver has */
  int32_t on_event; /* HR_EVENT_* that triggers `action`, 0 for none or done */
  char *action;     /* what on_event.do says */
  bool acted;       /* callback_status is set */
  int32_t callback_status;
};

/* One lock and one condition for everything: a test program has no contention to speak of. */
struct state {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct router *routers;
  struct request *requests;
  int open_ops; /* blocking ops on threads of their own */
  json_int_t event_finalizers, log_finalizers, submit_finalizers;
};
extern struct state state;

/* A result under construction; exactly one of these is sent for each op. */
struct outcome {
  const char *kind; /* "ok", "error", "skipped" or "broken" */
  json_t *value;
};

/* values.c: between JSON and C. */
struct bytes {
  char *data;
  size_t size;
};
bool bytes_of(const json_t *spec, struct bytes *out); /* false: the spec is malformed; out->data is to be freed */
void *allocate(size_t size);
char *duplicate(const char *text, size_t size);
json_t *text_value(const char *text, size_t size);
json_t *parsed(const char *text, size_t size); /* the JSON value, or {"$invalid": text} */
json_t *error_value(int32_t code, const hr_error *error);
json_t *event_value(const hr_event *event);
json_int_t integer(const json_t *object, const char *key, json_int_t otherwise);
struct outcome ok(json_t *value);
struct outcome failed(int32_t code, const hr_error *error);
struct outcome broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct outcome status(int32_t code, const hr_error *error); /* {} or the error */
int64_t now_ms(void);

/* main.c */
struct router *find_router(const char *name);
struct request *find_request(const char *name);
struct router *add_router(const char *name, enum delivery delivery);
struct request *add_request(struct router *router, struct bytes document, bool pull);
void name_router(struct router *router, const char *name);
void name_request(struct request *request, const char *name);
void count_submit_finalizer(void *user_data);

/* call.c */
struct outcome op_call(const json_t *op);
struct outcome op_fork(const json_t *op);

#endif
