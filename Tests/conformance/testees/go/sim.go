// SPDX-License-Identifier: Apache-2.0

package main

/*
#cgo !hedgerouter_nopkgconfig pkg-config: hedgerouter
#include <hedgerouter_sim.h>
*/
import "C"

import (
	"unsafe"

	"hedgerouter"
)

// The package does not cover the experimental header, so the simulations are called here, as any Go program could.
func simulate(o op) (object, error) {
	script, err := bytesOf(o.Script)
	if err != nil {
		return nil, err
	}
	script = append(script, 0) // never empty, so that there is a first byte to point at
	text, size := (*C.char)(unsafe.Pointer(&script[0])), C.size_t(len(script)-1)
	var out *C.char
	var outSize C.size_t
	var details C.hr_error
	C.hr_error_init(&details, C.size_t(unsafe.Sizeof(details)))
	var code C.int32_t
	if o.Op == "sim_core" {
		code = C.hr_sim_core(text, size, &out, &outSize, &details)
	} else {
		code = C.hr_sim_codec(text, size, &out, &outSize, &details)
	}
	defer C.hr_string_free(out)
	if code < 0 {
		return nil, &hedgerouter.Error{Code: hedgerouter.Code(code), Origin: hedgerouter.Origin(details.origin),
			RetryAfter: -1, Path: C.GoString(&details.path[0]), Message: C.GoString(&details.message[0])}
	}
	return object{"out": parsed(C.GoBytes(unsafe.Pointer(out), C.int(outSize)))}, nil
}
