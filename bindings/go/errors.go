// SPDX-License-Identifier: Apache-2.0

package hedgerouter

// #include <hedgerouter.h>
import "C"

import (
	"context"
	"fmt"
	"time"
)

// Code says what went wrong. Codes are errors themselves, so that errors.Is(err, hedgerouter.ErrRateLimited) works.
type Code int32

// Misuse of the library, or a local limit.
const (
	ErrInvalid      Code = C.HR_E_INVAL         // an argument or the request document is not valid
	ErrNoMemory     Code = C.HR_E_NOMEM         // a system resource could not be had
	ErrBadHandle    Code = C.HR_E_BADHANDLE     // the handle is stale
	ErrClosed       Code = C.HR_E_CLOSED        // the router is closing or closed
	ErrReentrant    Code = C.HR_E_REENTRANT     // not allowed from inside a callback
	ErrForked       Code = C.HR_E_FORKED        // the router belongs to the parent process
	ErrVersion      Code = C.HR_E_VERSION       // a struct carries fields the library does not know
	ErrConfig       Code = C.HR_E_CONFIG        // the configuration is not valid; Error.Path names the place
	ErrCancelled    Code = C.HR_E_CANCELLED     // the caller cancelled the request
	ErrDeadline     Code = C.HR_E_DEADLINE      // the request's deadline passed
	ErrNoDeployment Code = C.HR_E_NO_DEPLOYMENT // no deployment can take the request now
	ErrLimit        Code = C.HR_E_LIMIT         // a local limit was reached
	ErrBusy         Code = C.HR_E_BUSY          // another thread is already in this call
	ErrTimeout      Code = C.HR_E_TIMEOUT       // a wait with a time limit ended too early
	ErrNoModel      Code = C.HR_E_NO_MODEL      // the configuration has no such model group
)

// What happened between the library and a deployment.
const (
	ErrTransport      Code = C.HR_E_TRANSPORT       // connecting, TLS or the transfer failed
	ErrProvider       Code = C.HR_E_PROVIDER        // the provider answered with a server error
	ErrProtocol       Code = C.HR_E_PROTOCOL        // the answer was malformed or ended early
	ErrRateLimited    Code = C.HR_E_RATE_LIMITED    // the provider's rate limit was reached
	ErrAuth           Code = C.HR_E_AUTH            // the provider refused the credentials
	ErrBadRequest     Code = C.HR_E_BAD_REQUEST     // the provider refused the request itself
	ErrContextLength  Code = C.HR_E_CONTEXT_LENGTH  // the prompt exceeds the context window
	ErrContentPolicy  Code = C.HR_E_CONTENT_POLICY  // the content policy refused the request
	ErrNotFound       Code = C.HR_E_NOT_FOUND       // the provider knows no such model or path
	ErrQuota          Code = C.HR_E_QUOTA           // the quota or balance is exhausted
	ErrOverloaded     Code = C.HR_E_OVERLOADED      // the provider is overloaded
	ErrAttemptTimeout Code = C.HR_E_ATTEMPT_TIMEOUT // a timeout of an attempt passed
	ErrInterrupted    Code = C.HR_E_INTERRUPTED     // a stream broke after its first token
)

// Everything else.
const (
	ErrCallback Code = C.HR_E_CALLBACK // a callback cancelled the request
	ErrInternal Code = C.HR_E_INTERNAL // a defect in the library; it was counted
)

// Name is the code's name in the C header, such as "HR_E_DEADLINE".
func (c Code) Name() string { return C.GoString(C.hr_error_name(C.int32_t(c))) }

// Description is one sentence about the code.
func (c Code) Description() string { return C.GoString(C.hr_error_description(C.int32_t(c))) }

// Error is the description of the code.
func (c Code) Error() string { return "hedgerouter: " + c.Description() }

// Origin says where an error comes from.
type Origin int32

// Where an error comes from.
const (
	OriginLocal     Origin = C.HR_ORIGIN_LOCAL     // this library or its caller
	OriginTransport Origin = C.HR_ORIGIN_TRANSPORT // the network between here and a deployment
	OriginProvider  Origin = C.HR_ORIGIN_PROVIDER  // the deployment's own answer
)

// String returns "local", "transport" or "provider".
func (o Origin) String() string {
	switch o {
	case OriginLocal:
		return "local"
	case OriginTransport:
		return "transport"
	case OriginProvider:
		return "provider"
	}
	return fmt.Sprintf("origin %d", int32(o))
}

// Error is the failure of a call or of a request. Its text never contains keys, prompts or answers.
type Error struct {
	Code       Code
	Origin     Origin
	HTTPStatus int           // status the deployment answered with, or 0
	Retriable  bool          // sending the same request again later may succeed
	RetryAfter time.Duration // how long the deployment asked to wait; -1 if it did not say
	Path       string        // JSON path of the offending value of a document, if there is one
	Message    string        // one line of text
	Report     []byte        // the attempt log of a request that was sent, as a JSON object
	cause      error         // why the caller's context ended, when that ended the request
}

// Error is one line of text.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.Error()
	}
	return "hedgerouter: " + e.Message
}

// Is reports whether the error has the given Code. A passed deadline also is context.DeadlineExceeded.
func (e *Error) Is(target error) bool {
	if code, ok := target.(Code); ok {
		return e.Code == code
	}
	return target == context.DeadlineExceeded && e.Code == ErrDeadline
}

// Unwrap returns why the caller's context ended, when that ended the request.
func (e *Error) Unwrap() error { return e.cause }

// Timeout reports whether time ran out, as net.Error has it.
func (e *Error) Timeout() bool {
	return e.Code == ErrDeadline || e.Code == ErrTimeout || e.Code == ErrAttemptTimeout
}
