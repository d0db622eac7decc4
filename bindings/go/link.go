// SPDX-License-Identifier: Apache-2.0

//go:build !hedgerouter_nopkgconfig

package hedgerouter

// #cgo pkg-config: hedgerouter
import "C"
