// SPDX-License-Identifier: Apache-2.0

package hedgerouter

// #include <hedgerouter.h>
// #include <stdint.h>
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// Level of a log record.
type Level int32

// Levels of log records, from the least to the most detailed.
const (
	LevelError Level = C.HR_LOG_ERROR
	LevelWarn  Level = C.HR_LOG_WARN
	LevelInfo  Level = C.HR_LOG_INFO
	LevelDebug Level = C.HR_LOG_DEBUG
)

// Logger receives one log record: a JSON object with event and its fields. It runs on the library's own threads
// and inside calls of the router, so it must return quickly and must not call the router.
type Logger func(level Level, record []byte)

//export hedgerouterLog
func hedgerouterLog(level C.int32_t, record *C.char, size C.size_t, handle C.uintptr_t) {
	logger := cgo.Handle(handle).Value().(Logger)
	logger(Level(level), C.GoBytes(unsafe.Pointer(record), C.int(size)))
}

// Recorder receives the attempt log of one request that has ended: a JSON object without line breaks. The rules of Logger
// hold for it, too. docs/metrics.md has its members.
type Recorder func(record []byte)

//export hedgerouterRecord
func hedgerouterRecord(record *C.char, size C.size_t, handle C.uintptr_t) {
	recorder := cgo.Handle(handle).Value().(Recorder)
	recorder(C.GoBytes(unsafe.Pointer(record), C.int(size)))
}

//export hedgerouterLogRelease
func hedgerouterLogRelease(handle C.uintptr_t) {
	cgo.Handle(handle).Delete()
}
