// SPDX-License-Identifier: Apache-2.0

// Package hedgerouter routes LLM chat requests across deployments for the lowest tail latency.
//
// It is a thin layer over libhedgerouter.so.0, found through pkg-config. To build against a library that is not
// installed, use the tag hedgerouter_nopkgconfig and say where it is with CGO_CFLAGS and CGO_LDFLAGS.
//
//	router, err := hedgerouter.New(config)
//	if err != nil {
//		return err
//	}
//	defer router.Close()
//
//	answer, err := router.Complete(ctx, hedgerouter.Request{
//		Model:    "chat",
//		Messages: []hedgerouter.Message{{Role: "user", Content: "Hello"}},
//	})
//
// Everything may be used from many goroutines at once, except one Stream or Call, which is for one goroutine at a
// time. A router has one goroutine, which takes events in batches of 64 with one crossing into C, and hands each
// request its own; a consumer that does not read holds up nobody, and what arrives for it meanwhile is kept in memory.
//
// Failures of the library are *Error; errors.Is compares them with the Err constants of this package.
package hedgerouter
