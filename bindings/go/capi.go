// SPDX-License-Identifier: Apache-2.0

package hedgerouter

/*
#include <hedgerouter.h>
#include <stdint.h>
#include <stdlib.h>

enum { GLUE_BATCH = 64 };

// A batch of events, in C memory. A token is what Go gave as user_data: a number, which Go must never see typed as
// a pointer.
typedef struct {
  hr_event events[GLUE_BATCH];
  uint64_t tokens[GLUE_BATCH];
  hr_error error;
} glue_batch;

static glue_batch *glue_batch_new(void) {
  glue_batch *batch = calloc(1, sizeof *batch);
  if (batch) {
    batch->events[0].struct_size = sizeof(hr_event);
    hr_error_init(&batch->error, sizeof batch->error);
  }
  return batch;
}

// Wait for events, and unpack their tokens, in one crossing.
static int32_t glue_poll(hr_router router, glue_batch *batch) {
  int32_t count = hr_poll(router, batch->events, GLUE_BATCH, -1, &batch->error);
  for (int32_t i = 0; i < count; i++) batch->tokens[i] = (uintptr_t)batch->events[i].user_data;
  return count;
}

static int32_t glue_submit(hr_router router, const char *request, size_t request_size, uint64_t token,
                           int64_t timeout_ms, const char *overrides, size_t overrides_size, hr_request *out,
                           hr_error *error) {
  hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
  options.timeout_ms = timeout_ms;
  options.user_data = (void *)(uintptr_t)token;
  options.overrides = overrides;
  options.overrides_size = overrides_size;
  return hr_submit(router, request, request_size, &options, out, error);
}

extern void hedgerouterLog(int32_t level, char *record, size_t size, uintptr_t handle);
extern void hedgerouterLogRelease(uintptr_t handle);

static void glue_log(int32_t level, const char *record, size_t size, void *user_data) {
  hedgerouterLog(level, (char *)record, size, (uintptr_t)user_data);
}

static void glue_log_release(void *user_data) { hedgerouterLogRelease((uintptr_t)user_data); }

extern void hedgerouterRecord(char *record, size_t size, uintptr_t handle);

static void glue_record(const char *record, size_t size, void *user_data) {
  hedgerouterRecord((char *)record, size, (uintptr_t)user_data);
}

static int32_t glue_router_new(const char *config, size_t config_size, int32_t log_level, uintptr_t log,
                               uintptr_t record, hr_router *out, hr_error *error) {
  hr_router_options options = HR_ROUTER_OPTIONS_INIT;
  if (log) {
    options.log_callback = glue_log;
    options.log_user_data = (void *)log;
    options.log_user_data_free = glue_log_release;
    options.log_level = log_level;
  }
  if (record) {
    options.record_callback = glue_record;
    options.record_user_data = (void *)record;
    options.record_user_data_free = glue_log_release;
  }
  return hr_router_new(config, config_size, &options, out, error);
}
*/
import "C"

import (
	"runtime/cgo"
	"time"
	"unsafe"
)

func newHandle(config []byte, chosen options) (C.hr_router, error) {
	var handle C.hr_router
	var log, record cgo.Handle
	if chosen.logger != nil {
		log = cgo.NewHandle(chosen.logger) // deleted by the library's finalizer, on failure too
	}
	if chosen.recorder != nil {
		record = cgo.NewHandle(chosen.recorder)
	}
	details := newCError()
	pointer, size := document(config)
	code := C.glue_router_new(pointer, size, C.int32_t(chosen.level), C.uintptr_t(log), C.uintptr_t(record), &handle, &details)
	return handle, check(code, &details)
}

// poll hands every request its events until the router is closed.
func (r *Router) poll() {
	defer r.end()
	batch := C.glue_batch_new()
	if batch == nil {
		return
	}
	defer C.free(unsafe.Pointer(batch))
	for {
		count := C.glue_poll(r.handle, batch)
		if count < 0 {
			return
		}
		for i := 0; i < int(count); i++ {
			r.route(uint64(batch.tokens[i]), event(&batch.events[i]))
		}
	}
}

// submit starts a request; token comes back with its events.
func (r *Router) submit(body, overrides []byte, timeout time.Duration, token uint64) (C.hr_request, error) {
	var handle C.hr_request
	details := newCError()
	bodyText, bodySize := document(body)
	overridesText, overridesSize := text(overrides)
	code := C.glue_submit(r.handle, bodyText, bodySize, C.uint64_t(token), C.int64_t(timeout.Milliseconds()),
		overridesText, overridesSize, &handle, &details)
	return handle, check(code, &details)
}

// text is a slice's memory as C wants it; C copies it before the call returns.
func text(data []byte) (*C.char, C.size_t) {
	if len(data) == 0 {
		return nil, 0
	}
	return (*C.char)(unsafe.Pointer(&data[0])), C.size_t(len(data))
}

// document is like text, but an empty document is a pointer, too: it is the library that says what is wrong with it.
func document(data []byte) (*C.char, C.size_t) {
	if len(data) == 0 {
		return (*C.char)(unsafe.Pointer(&[]byte{0}[0])), 0
	}
	return text(data)
}

// takeString copies a string the library allocated, and releases it.
func takeString(out *C.char, size C.size_t) []byte {
	defer C.hr_string_free(out)
	return C.GoBytes(unsafe.Pointer(out), C.int(size))
}

func newCError() C.hr_error {
	var details C.hr_error
	C.hr_error_init(&details, C.size_t(unsafe.Sizeof(details)))
	return details
}

// check turns the status of a call into an error.
func check(code C.int32_t, details *C.hr_error) error {
	if code >= 0 {
		return nil
	}
	failure := &Error{Code: Code(code), RetryAfter: -1}
	if details != nil && details.code == code {
		failure.Origin = Origin(details.origin)
		failure.HTTPStatus = int(details.http_status)
		failure.Retriable = details.retriable != 0
		failure.RetryAfter = milliseconds(details.retry_after_ms)
		failure.Path = C.GoString(&details.path[0])
		failure.Message = C.GoString(&details.message[0])
	}
	return failure
}

func milliseconds(value C.int64_t) time.Duration {
	if value < 0 {
		return -1
	}
	return time.Duration(value) * time.Millisecond
}

// event copies an event out of the library's memory, which the next poll overwrites.
func event(from *C.hr_event) Event {
	to := Event{
		Type:    EventType(from._type),
		Data:    C.GoBytes(unsafe.Pointer(from.data), C.int(from.data_size)),
		Elapsed: time.Duration(from.elapsed_ns),
	}
	if to.Type == EventEnd {
		to.HTTPStatus = int(from.http_status)
		if from.code != C.HR_OK {
			to.Err = &Error{
				Code:       Code(from.code),
				Origin:     Origin(from.origin),
				HTTPStatus: int(from.http_status),
				Retriable:  from.retriable != 0,
				RetryAfter: milliseconds(from.retry_after_ms),
				Message:    C.GoStringN(from.message, C.int(from.message_size)),
				Report:     to.Data,
			}
		}
	}
	return to
}

// Version returns the version of the shared library that is loaded, such as "0.1.0".
func Version() string { return C.GoString(C.hr_version_string()) }

// VersionNumber returns the same as major<<16 | minor<<8 | patch.
func VersionNumber() uint32 { return uint32(C.hr_version()) }

// Features returns a JSON object: provider names, HTTP/2, and the versions of what the library uses.
func Features() []byte { return []byte(C.GoString(C.hr_features())) }

// DashboardHTML returns the dashboard: one HTML document that reads stats.json beside it.
func DashboardHTML() []byte { return []byte(C.GoString(C.hr_dashboard_html())) }

// ConfigSchema returns the JSON Schema (draft 2020-12) of the configuration document.
func ConfigSchema() []byte { return []byte(C.GoString(C.hr_config_schema())) }

// CheckConfig checks a configuration without making a router. The report is a JSON object with errors and
// warnings, each an array of objects with path and message. The error is ErrConfig when there are errors.
func CheckConfig(config []byte) (report []byte, err error) {
	var out *C.char
	var size C.size_t
	details := newCError()
	pointer, length := document(config)
	err = check(C.hr_config_check(pointer, length, &out, &size, &details), &details)
	if out != nil {
		report = takeString(out, size)
	}
	return report, err
}
