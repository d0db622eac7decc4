/*
 * SPDX-License-Identifier: Apache-2.0
 */

/**
 * @file hedgerouter.h
 * @brief Route LLM chat requests across deployments for the lowest tail latency.
 *
 * A router is made from one JSON configuration that lists deployments (an endpoint, a model and a key) and groups
 * them under the model names callers use. A request is one OpenAI chat completion body. The router sends it to the
 * deployment that should answer first, starts a second attempt elsewhere when the first is late, delivers whichever
 * produces the first real token, and closes the connection of the other.
 *
 * @section conventions Conventions
 *  1. Handles are small structs passed by value. An id of 0 is never valid. A handle that is stale, foreign or was
 *     freed before answers HR_E_BADHANDLE; it is never undefined behaviour.
 *  2. Text and bytes are a pointer and a size. Input needs no terminating NUL; output has one after its last byte,
 *     not counted in the size. Text is UTF-8.
 *  3. Every fallible function returns int32_t: HR_OK (0), a negative HR_E_* code, or, where the function says so, a
 *     positive count. The last parameter is a caller-allocated hr_error that may be NULL.
 *  4. Structs start with `struct_size`; initialise them with their HR_*_INIT macro or hr_*_init() function. A
 *     shorter struct than the library's reads as if the missing fields were 0; a longer one is accepted when the
 *     fields the library does not know are 0, else HR_E_VERSION.
 *  5. Durations are int64_t milliseconds, or nanoseconds where the name ends in `_ns`. -1 means no limit.
 *  6. NULL where a pointer is required answers HR_E_INVAL.
 *
 * @section ownership Ownership
 *  Input is copied before the function returns. Strings returned through `char **` belong to the caller and are
 *  released with hr_string_free(). Event data belongs to the library; hr_poll() and hr_next() say how long it lives.
 *
 * @section threads Threads
 *  Each router owns one thread, in which every signal is blocked. Every function may be called from any thread at
 *  any time, unless its comment says otherwise; no function blocks unless its comment says so.
 *
 *  While at most one request is in flight, the thread that waits in hr_poll(), hr_dispatch(), hr_next(), hr_wait() or
 *  hr_complete() does the router's work itself, and hr_submit() may send the request, which spares a change of threads
 *  for every chunk. SIGPIPE is blocked meanwhile. Such threads need 256 KiB of stack to spare.
 *
 * @section callbacks Callbacks
 *  Callbacks run on the thread that called hr_dispatch(), or on the router's delivery thread when the program asked
 *  for one. From inside one, hr_submit(), hr_cancel(), hr_request_free() and hr_router_free() are allowed; calls
 *  that block, poll or dispatch answer HR_E_REENTRANT. hr_router_free() takes effect when the callback has returned.
 *
 * @section fork Fork
 *  A router does not survive fork(). In a child, every call on a router of the parent except hr_router_free()
 *  answers HR_E_FORKED. Create routers after forking.
 *
 * @section stability Stability
 *  What this file declares only grows until the soname changes. Configuration documents: unknown keys are errors.
 *  Result documents (stats, START and END data): unknown keys appear in newer versions and must be ignored.
 */

#ifndef HEDGEROUTER_H
#define HEDGEROUTER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define HR_API __attribute__((visibility("default")))
#else
#define HR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------
 * Version
 * ------------------------------------------------------------------------------------------------------------- */

/** Version of this header: major << 16 | minor << 8 | patch. */
#define HR_VERSION 0x00000100
#define HR_VERSION_MAJOR 0
#define HR_VERSION_MINOR 1
#define HR_VERSION_PATCH 0

/**
 * Version of the library that is loaded, in the form of HR_VERSION.
 *
 * Thread:  any; callback-safe.
 * Returns: the version number.
 * Since:   0.1
 */
HR_API uint32_t hr_version(void);

/**
 * Version of the library that is loaded, as text such as "0.1.0".
 *
 * Thread:  any; callback-safe.
 * Returns: a static string, never NULL.
 * Since:   0.1
 */
HR_API const char *hr_version_string(void);

/**
 * What this build can do, as a JSON object: provider names, HTTP/2, and the versions of libcurl and jansson.
 *
 * Thread:  any; callback-safe.
 * Returns: a static string, never NULL.
 * Since:   0.1
 */
HR_API const char *hr_features(void);

/* ---------------------------------------------------------------------------------------------------------------
 * Errors
 * ------------------------------------------------------------------------------------------------------------- */

#define HR_OK 0
/* Misuse of the library, or a local limit. */
#define HR_E_INVAL (-1)          /**< An argument or the request document is not valid. */
#define HR_E_NOMEM (-2)          /**< A system resource (memory, thread, descriptor) could not be had. */
#define HR_E_BADHANDLE (-3)      /**< The handle is 0, stale, freed, or of another kind. */
#define HR_E_CLOSED (-4)         /**< The router is closing or closed. */
#define HR_E_REENTRANT (-5)      /**< Not allowed from inside a callback. */
#define HR_E_FORKED (-6)         /**< The router belongs to the parent process. */
#define HR_E_VERSION (-7)        /**< A struct carries fields this library does not know. */
#define HR_E_CONFIG (-8)         /**< The configuration document is not valid; hr_error.path names the place. */
#define HR_E_CANCELLED (-9)      /**< The caller cancelled the request. */
#define HR_E_DEADLINE (-10)      /**< The request's deadline passed. */
#define HR_E_NO_DEPLOYMENT (-11) /**< No deployment of the model group can take the request now. */
#define HR_E_LIMIT (-12)         /**< A local limit was reached: document size, nesting, queued requests. */
#define HR_E_BUSY (-13)          /**< Another thread is already in this call for the same handle. */
#define HR_E_TIMEOUT (-14)       /**< A wait with a time limit ended before the awaited thing happened. */
#define HR_E_NO_MODEL (-15)      /**< The configuration has no model group of the requested name. */
/* What happened between the library and a deployment. */
#define HR_E_TRANSPORT (-20)       /**< Connecting, TLS or the transfer failed. */
#define HR_E_PROVIDER (-21)        /**< The provider answered with a server error. */
#define HR_E_PROTOCOL (-22)        /**< The provider's answer was malformed or ended early. */
#define HR_E_RATE_LIMITED (-23)    /**< The provider's rate limit was reached. */
#define HR_E_AUTH (-24)            /**< The provider refused the credentials or the permission. */
#define HR_E_BAD_REQUEST (-25)     /**< The provider refused the request itself. */
#define HR_E_CONTEXT_LENGTH (-26)  /**< The prompt exceeds the model's context window. */
#define HR_E_CONTENT_POLICY (-27)  /**< The provider's content policy refused the request. */
#define HR_E_NOT_FOUND (-28)       /**< The provider knows no such model or path. */
#define HR_E_QUOTA (-29)           /**< The account's quota or balance is exhausted. */
#define HR_E_OVERLOADED (-30)      /**< The provider is overloaded. */
#define HR_E_ATTEMPT_TIMEOUT (-31) /**< A connect, first-token, gap or total timeout of an attempt passed. */
#define HR_E_INTERRUPTED (-32)     /**< A stream broke after its first token was delivered. */
/* Everything else. */
#define HR_E_CALLBACK (-40) /**< A callback returned non-zero and so cancelled its request. */
#define HR_E_INTERNAL (-99) /**< A defect in the library; it was counted, and the request ended safely. */

/* Where an error comes from. */
#define HR_ORIGIN_LOCAL 0     /**< This library or its caller. */
#define HR_ORIGIN_TRANSPORT 1 /**< The network between here and a deployment. */
#define HR_ORIGIN_PROVIDER 2  /**< The deployment's own answer. */

/**
 * Details of a failure, filled in by a function that returned a negative code.
 *
 * Messages never contain keys, prompts or answers.
 */
typedef struct hr_error {
  uint32_t struct_size;   /**< sizeof(hr_error), set by HR_ERROR_INIT. */
  int32_t code;           /**< HR_OK or HR_E_*. */
  int32_t origin;         /**< HR_ORIGIN_*. */
  int32_t http_status;    /**< Status the deployment answered with, or 0. */
  int32_t retriable;      /**< 1 if sending the same request again later may succeed, else 0. */
  int32_t detail;         /**< CURLcode, or byte offset in a malformed document; 0 if there is none. */
  int64_t retry_after_ms; /**< Shortest wait a deployment asked for; -1 if none did. */
  char path[128];         /**< JSON path of the offending value of a document; empty if there is none. */
  char message[512];      /**< One line of text, cut at a character boundary if too long. */
} hr_error;

#define HR_ERROR_INIT                                                                                                  \
  {                                                                                                                    \
    sizeof(hr_error), 0, 0, 0, 0, 0, -1, { 0 }, {                                                                      \
      0                                                                                                                \
    }                                                                                                                  \
  }

/**
 * Initialise an error as HR_ERROR_INIT does, for languages without C macros.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK, or HR_E_INVAL when @p error is NULL or @p size is smaller than its first two fields.
 * Since:   0.1
 */
HR_API int32_t hr_error_init(hr_error *error, size_t size);

/**
 * Symbolic name of a code, such as "HR_E_DEADLINE".
 *
 * Thread:  any; callback-safe.
 * Returns: a static string, never NULL; "HR_E_UNKNOWN" for a number that is no code.
 * Since:   0.1
 */
HR_API const char *hr_error_name(int32_t code);

/**
 * One-sentence description of a code.
 *
 * Thread:  any; callback-safe.
 * Returns: a static string, never NULL.
 * Since:   0.1
 */
HR_API const char *hr_error_description(int32_t code);

/* ---------------------------------------------------------------------------------------------------------------
 * Routers
 * ------------------------------------------------------------------------------------------------------------- */

/** A router: a configuration, what it has learned, its connections and its thread. */
typedef struct hr_router {
  uint64_t id;
} hr_router;

/** One request in flight, or ended and not yet fully read. */
typedef struct hr_request {
  uint64_t id;
} hr_request;

#define HR_EVENT_START 1 /**< The request is committed to one deployment. */
#define HR_EVENT_CHUNK 2 /**< Part of a stream, or the whole answer of a request that does not stream. */
#define HR_EVENT_END 3   /**< The request has ended. */

/**
 * Something that happened to a request.
 *
 * Each request gets at most one START, then CHUNKs in order, then exactly one END, and nothing after it. A request
 * that fails before any deployment produced a token gets only the END.
 *
 * `data` is, by type:
 *  - START: a JSON object with `id` (of the request, as in the logs), `deployment`, `group` (another
 *           one than asked for after a fallback), `model` and `role`.
 *  - CHUNK: one OpenAI `chat.completion.chunk`, or one `chat.completion` when the request does not stream.
 *  - END:   a JSON object with the attempt log: what was tried, when, and how it ended.
 */
typedef struct hr_event {
  uint32_t struct_size;   /**< sizeof(hr_event), set by the caller in the first element of an array. */
  int32_t type;           /**< HR_EVENT_*. */
  hr_request request;     /**< The request this belongs to. */
  void *user_data;        /**< As given to hr_submit(). */
  const char *data;       /**< JSON text, NUL-terminated; see above. */
  size_t data_size;       /**< Bytes of data, without the NUL. */
  int64_t elapsed_ns;     /**< Nanoseconds from hr_submit() until this was ready for delivery. */
  int32_t code;           /**< END: HR_OK, or why the request failed. Otherwise HR_OK. */
  int32_t origin;         /**< END: HR_ORIGIN_*. */
  int32_t http_status;    /**< END: status of the deployment that decided the outcome, or 0. */
  int32_t retriable;      /**< END: as hr_error.retriable. */
  int64_t retry_after_ms; /**< END: as hr_error.retry_after_ms. */
  const char *message;    /**< END with a failure: one line of text, NUL-terminated. Otherwise "". */
  size_t message_size;    /**< Bytes of message, without the NUL. */
} hr_event;

#define HR_EVENT_INIT                                                                                                  \
  { sizeof(hr_event), 0, { 0 }, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0 }

/**
 * Receives one event; see the callback rules at the top of this file.
 *
 * @return 0 to go on; anything else cancels the event's request, which then ends with HR_E_CALLBACK. Values other
 *         than 0 and 1 are reserved.
 */
typedef int32_t (*hr_event_callback)(hr_router router, const hr_event *event, void *user_data);

#define HR_LOG_ERROR 1
#define HR_LOG_WARN 2
#define HR_LOG_INFO 3
#define HR_LOG_DEBUG 4

/**
 * Receives one log record: a level and a JSON object with `event` and its fields.
 *
 * Called from any thread, the router's own and those inside a call of the library included: it must return quickly and
 * must not call the library.
 */
typedef void (*hr_log_callback)(int32_t level, const char *record, size_t size, void *user_data);

/**
 * Receives the attempt log of one request that has ended: a JSON object without line breaks, for a file of JSON lines.
 *
 * It is what the END event holds, without the provider's own words, and with the time and OpenTelemetry's names for
 * each attempt; see docs/metrics.md. Called on the router's own thread or on one inside a call of the library, never on
 * two at a time: it must return quickly and must not call the library.
 */
typedef void (*hr_record_callback)(const char *record, size_t size, void *user_data);

/** Releases what a `user_data` refers to; called exactly once, after the last use. */
typedef void (*hr_finalizer)(void *user_data);

#define HR_DELIVERY_POLL 0 /**< The program calls hr_poll(), hr_dispatch() or hr_next(). */
#define HR_DELIVERY_THREAD                                                                                             \
  1 /**< A library thread calls event_callback; hr_poll() and hr_dispatch() answer HR_E_BUSY. */

/** Options of a router that are not configuration: how it talks to its program. */
typedef struct hr_router_options {
  uint32_t struct_size;               /**< sizeof(hr_router_options), set by HR_ROUTER_OPTIONS_INIT. */
  int32_t delivery;                   /**< HR_DELIVERY_*. */
  hr_event_callback event_callback;   /**< For hr_dispatch() and the delivery thread; may be NULL for polling. */
  void *event_user_data;              /**< Passed to event_callback. */
  hr_finalizer event_user_data_free;  /**< May be NULL. */
  hr_log_callback log_callback;       /**< NULL: the library is silent. */
  void *log_user_data;                /**< Passed to log_callback. */
  hr_finalizer log_user_data_free;    /**< May be NULL. */
  int32_t log_level;                  /**< Most detailed HR_LOG_* level wanted; 0 means HR_LOG_WARN. */
  int32_t reserved;                   /**< Must be 0. */
  hr_record_callback record_callback; /**< Receives the attempt log of each request; NULL for none. */
  void *record_user_data;             /**< Passed to record_callback. */
  hr_finalizer record_user_data_free; /**< May be NULL. */
} hr_router_options;

#define HR_ROUTER_OPTIONS_INIT                                                                                         \
  { sizeof(hr_router_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Initialise options as HR_ROUTER_OPTIONS_INIT does, for languages without C macros.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL.
 * Since:   0.1
 */
HR_API int32_t hr_router_options_init(hr_router_options *options, size_t size);

/**
 * Make a router from a JSON configuration document.
 *
 * The finalizers in @p options are called exactly once whether this succeeds or not, unless the struct itself was
 * refused (HR_E_VERSION, or HR_E_INVAL for its struct_size): then they were not read.
 *
 * @param config  the document; see docs/configuration.md, or hr_config_schema().
 * @param options may be NULL for polling and silence.
 * @param out     set to the router, or to 0 on failure.
 *
 * Thread:  any. Blocks: for the start of one thread.
 * Returns: HR_OK; HR_E_CONFIG with the path of the first bad value in @p error and all of them in its message,
 *          HR_E_INVAL, HR_E_NOMEM, HR_E_VERSION.
 * Since:   0.1
 */
HR_API int32_t hr_router_new(const char *config, size_t config_size, const hr_router_options *options, hr_router *out,
                             hr_error *error);

/**
 * Close a router: cancel what is in flight, stop its threads, release everything, and set @p router to 0.
 *
 * No event of the router is delivered after this has returned; a thread inside hr_poll(), hr_next() or hr_wait()
 * gets HR_E_CLOSED. Called inside a callback of the same router it takes effect after the callback. Writing 0 to
 * @p router is a plain store: threads that go on using the router each hold a copy of its handle.
 *
 * Thread:  any; callback-safe. Blocks: until the router's threads have ended, some milliseconds.
 * Returns: HR_OK; HR_E_INVAL, HR_E_BADHANDLE.
 * Since:   0.1
 */
HR_API int32_t hr_router_free(hr_router *router);

/**
 * Replace the configuration. Deployments that stay keep what was learned of them; requests in flight go on.
 *
 * A document that is not valid changes nothing.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_CONFIG as hr_router_new(), HR_E_INVAL, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_router_reload(hr_router router, const char *config, size_t config_size, hr_error *error);

/**
 * Refuse new requests and wait until those in flight have ended.
 *
 * Thread:  any; not callback-safe (HR_E_REENTRANT). Blocks: up to @p timeout_ms; -1 for no limit.
 * Returns: HR_OK; HR_E_TIMEOUT with requests still in flight (they go on), HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_router_drain(hr_router router, int64_t timeout_ms, hr_error *error);

/* ---------------------------------------------------------------------------------------------------------------
 * One call, one answer
 * ------------------------------------------------------------------------------------------------------------- */

/** Per-request options. */
typedef struct hr_submit_options {
  uint32_t struct_size;        /**< sizeof(hr_submit_options), set by HR_SUBMIT_OPTIONS_INIT. */
  uint32_t flags;              /**< HR_SUBMIT_*. */
  int64_t timeout_ms;          /**< Deadline for everything done for this request; 0: as configured. */
  void *user_data;             /**< Passed back in each event. */
  hr_finalizer user_data_free; /**< Called once after the END was consumed, or at once if hr_submit() fails. */
  const char *overrides;       /**< JSON object of routing overrides for this request, or NULL. */
  size_t overrides_size;       /**< Bytes of overrides. */
} hr_submit_options;

#define HR_SUBMIT_OPTIONS_INIT                                                                                         \
  { sizeof(hr_submit_options), 0, 0, 0, 0, 0, 0 }

/** Deliver the events of this request through hr_next() instead of the router's queue; needs hr_request_free(). */
#define HR_SUBMIT_PULL 1u

/**
 * Initialise options as HR_SUBMIT_OPTIONS_INIT does, for languages without C macros.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL.
 * Since:   0.1
 */
HR_API int32_t hr_submit_options_init(hr_submit_options *options, size_t size);

/**
 * Send a chat completion request and wait for the whole answer.
 *
 * @param request  an OpenAI chat completion body; `model` names a model group. `stream` must be absent or false.
 * @param options  may be NULL; its flags must be 0.
 * @param out      set to the `chat.completion` JSON text, or NULL on failure; release with hr_string_free().
 * @param out_size may be NULL; set to the bytes of the answer.
 *
 * Thread:  any; not callback-safe (HR_E_REENTRANT). Blocks: until the answer, a failure or the deadline.
 * Returns: HR_OK; any HR_E_* of hr_submit() or of an END event.
 * Since:   0.1
 */
HR_API int32_t hr_complete(hr_router router, const char *request, size_t request_size, const hr_submit_options *options,
                           char **out, size_t *out_size, hr_error *error);

/**
 * Release a string this library returned. NULL is allowed.
 *
 * Thread:  any; callback-safe.
 * Since:   0.1
 */
HR_API void hr_string_free(char *string);

/* ---------------------------------------------------------------------------------------------------------------
 * Many requests, many events
 * ------------------------------------------------------------------------------------------------------------- */

/**
 * Start a request.
 *
 * @param request an OpenAI chat completion body; `model` names a model group, `stream` chooses streaming. Fields
 *                this library does not know pass through untouched.
 * @param options may be NULL.
 * @param out     set to the request, or to 0 on failure.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL with the path or byte offset of what is wrong with the document, HR_E_NO_MODEL,
 *          HR_E_LIMIT, HR_E_VERSION, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED. A request that was refused here gets
 *          no event.
 * Since:   0.1
 */
HR_API int32_t hr_submit(hr_router router, const char *request, size_t request_size, const hr_submit_options *options,
                         hr_request *out, hr_error *error);

/**
 * Cancel a request: its connections are closed and it ends with HR_E_CANCELLED, unless its END is already waiting.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK, also when the request has already ended but was not yet consumed; HR_E_BADHANDLE, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_cancel(hr_request request, hr_error *error);

/**
 * Take up to @p capacity events of the router and return how many.
 *
 * Waits up to @p timeout_ms for the first one (-1: until one comes or hr_wake(); 0: not at all). Event data lives
 * until the next hr_poll() or hr_dispatch() on this router. A request's handle goes stale with its END.
 *
 * Thread:  one poller at a time (HR_E_BUSY); not callback-safe (HR_E_REENTRANT). Blocks: as @p timeout_ms says.
 * Returns: the number of events, 0 when the time passed or hr_wake() was called; HR_E_INVAL, HR_E_BADHANDLE,
 *          HR_E_CLOSED, HR_E_BUSY, HR_E_REENTRANT, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_poll(hr_router router, hr_event *events, size_t capacity, int64_t timeout_ms, hr_error *error);

/**
 * Like hr_poll(), but hand each event to the router's event_callback on this thread.
 *
 * Thread:  one poller at a time (HR_E_BUSY); not callback-safe (HR_E_REENTRANT). Blocks: as @p timeout_ms says.
 * Returns: the number of events handled; the errors of hr_poll(), and HR_E_INVAL without an event_callback.
 * Since:   0.1
 */
HR_API int32_t hr_dispatch(hr_router router, int64_t timeout_ms, hr_error *error);

/**
 * A file descriptor that is readable while events wait in the router's queue.
 *
 * For event loops: when it is readable call hr_poll() or hr_dispatch() with timeout 0 until it returns 0. Do not
 * read from it or close it; it is valid until hr_router_free().
 *
 * Thread:  any; callback-safe.
 * Returns: the descriptor; HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_event_fd(hr_router router, hr_error *error);

/**
 * Make a thread that waits in hr_poll() or hr_dispatch() return 0 at once, or else the next such call.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_wake(hr_router router);

/**
 * Take up to @p capacity events of one request that was submitted with HR_SUBMIT_PULL.
 *
 * Waits up to @p timeout_ms for the first one (-1: no limit; 0: not at all). Event data lives until the next
 * hr_next() on this request or hr_request_free(). After the END was taken, answers 0 at once.
 *
 * Thread:  one thread at a time per request (HR_E_BUSY); not callback-safe (HR_E_REENTRANT). Blocks: as
 *          @p timeout_ms says.
 * Returns: the number of events; HR_E_INVAL, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_BUSY, HR_E_REENTRANT, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_next(hr_request request, hr_event *events, size_t capacity, int64_t timeout_ms, hr_error *error);

/**
 * Wait until a request that was submitted with HR_SUBMIT_PULL has ended, without taking its events.
 *
 * A stream whose events are not taken stops at its buffer limit and ends only by timeout or cancellation.
 *
 * Thread:  any; not callback-safe (HR_E_REENTRANT). Blocks: up to @p timeout_ms; -1 for no limit.
 * Returns: HR_OK if it succeeded; why it failed, with details in @p error; HR_E_TIMEOUT if it still runs,
 *          HR_E_INVAL if it was not submitted with HR_SUBMIT_PULL, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_REENTRANT,
 *          HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_wait(hr_request request, int64_t timeout_ms, hr_error *error);

/**
 * Release a request that was submitted with HR_SUBMIT_PULL, cancelling it if it still runs, and set it to 0.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL if it was not submitted with HR_SUBMIT_PULL, HR_E_BADHANDLE.
 * Since:   0.1
 */
HR_API int32_t hr_request_free(hr_request *request);

/* ---------------------------------------------------------------------------------------------------------------
 * Insight
 * ------------------------------------------------------------------------------------------------------------- */

/**
 * What the router has seen and done so far, as a JSON object.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_stats_json(hr_router router, char **out, size_t *out_size, hr_error *error);

#define HR_METRICS_PROMETHEUS 0  /**< Prometheus' text format: `text/plain; version=0.0.4; charset=utf-8`. */
#define HR_METRICS_OPENMETRICS 1 /**< `application/openmetrics-text; version=1.0.0; charset=utf-8`, with exemplars. */

/**
 * The router's metrics as text, for whatever scrapes the program.
 *
 * docs/metrics.md lists them. Labels name deployments, model groups, providers, models and causes, all of which the
 * configuration or this header bounds; nothing of a request but the identifier in an exemplar.
 *
 * @param format   HR_METRICS_*.
 * @param out      set to the text, or NULL on failure; release with hr_string_free().
 * @param out_size may be NULL; set to the bytes of the text.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL, HR_E_NOMEM, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_metrics_text(hr_router router, int32_t format, char **out, size_t *out_size, hr_error *error);

/**
 * A page that shows what a router does: latencies, what hedging bought, cooldowns, tokens and money.
 *
 * One HTML document that needs nothing else and works offline. It asks for `stats.json`, relative to its own address,
 * every two seconds: the program serves the page, and hr_stats_json() beside it. docs/metrics.md says how.
 *
 * Thread:  any; callback-safe.
 * Returns: a static string, never NULL.
 * Since:   0.1
 */
HR_API const char *hr_dashboard_html(void);

/**
 * What the router has learned of its deployments' latency, to give to hr_state_load() after a restart.
 *
 * The document is JSON text with a version and a checksum, some kB for each deployment with history. Keep it as
 * it is: one that was changed or written anew is refused. It holds decayed histograms and averages under the names
 * deployments have in hr_stats_json(), and the wall-clock time; nothing of requests, budgets, cooldowns, keys,
 * prompts or answers. Save it before hr_router_free(), and now and then for the case of a crash.
 *
 * @param out      set to the document, or NULL on failure; release with hr_string_free().
 * @param out_size may be NULL; set to the bytes of the document.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK; HR_E_INVAL, HR_E_NOMEM, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_state_save(hr_router router, char **out, size_t *out_size, hr_error *error);

/**
 * Take over what an earlier router learned, so that this one need not race or guess while it is new.
 *
 * Call it right after hr_router_new(). Samples are aged by the wall-clock time that passed since they were saved, 0 if
 * that clock went back; those older than the configured `ttl` are ignored. Histories go to the deployments of the
 * current configuration that have the same name; others are skipped. Where this router has samples of its own, the
 * history with more weight, aged to now, is kept and the other dropped: the two are never added up, so loading a
 * document twice is the same as loading it once. `state_loads` in hr_stats_json() counts what became of each
 * deployment's history.
 *
 * A document that is damaged, cut short, of another version, or with numbers no observation can lead to changes
 * nothing.
 *
 * @param state what hr_state_save() gave.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK, also when no history was of use; HR_E_INVAL with the path or byte offset of what is wrong,
 *          HR_E_LIMIT, HR_E_BADHANDLE, HR_E_CLOSED, HR_E_FORKED.
 * Since:   0.1
 */
HR_API int32_t hr_state_load(hr_router router, const char *state, size_t state_size, hr_error *error);

/**
 * Check a configuration document without making a router.
 *
 * @param report set to a JSON object with `errors` and `warnings`, each an array of objects with `path`, `message`,
 *               and where they apply `expected` and `nearest`.
 *
 * Thread:  any; callback-safe.
 * Returns: HR_OK when there are no errors (warnings are allowed); HR_E_CONFIG, with the report set; HR_E_INVAL.
 * Since:   0.1
 */
HR_API int32_t hr_config_check(const char *config, size_t config_size, char **report, size_t *report_size,
                               hr_error *error);

/**
 * The JSON Schema (draft 2020-12) of the configuration document.
 *
 * Thread:  any; callback-safe.
 * Returns: a static string, never NULL.
 * Since:   0.1
 */
HR_API const char *hr_config_schema(void);

#ifdef __cplusplus
}
#endif

#endif /* HEDGEROUTER_H */
