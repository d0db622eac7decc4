// SPDX-License-Identifier: Apache-2.0

// Command gohost serves a router's dashboard, statistics and metrics, and streams through the router without end.
//
//	gohost CONFIG CALLERS
//
// It prints its address, and ends with its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"hedgerouter"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, count string) error {
	callers, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	config, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	router, err := hedgerouter.New(config)
	if err != nil {
		return err
	}
	defer router.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go http.Serve(listener, router.Handler())
	for caller := 0; caller < callers; caller++ {
		go call(router, caller)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func call(router *hedgerouter.Router, caller int) {
	for number := 0; ; number++ {
		stream, err := router.Stream(context.Background(), hedgerouter.Request{
			Model:    "chat",
			Messages: []hedgerouter.Message{{Role: "user", Content: strings.Repeat("hello", 1+(caller+number)%40)}},
		})
		if err == nil {
			for stream.Next() {
			}
			stream.Close()
		}
		time.Sleep(2 * time.Millisecond)
	}
}
