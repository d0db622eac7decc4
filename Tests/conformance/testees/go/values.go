// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	"hedgerouter"
)

// bytesOf evaluates a bytes spec.
func bytesOf(raw json.RawMessage) ([]byte, error) {
	var spec struct {
		JSON   json.RawMessage `json:"json"`
		Text   *string         `json:"text"`
		Base64 *string         `json:"base64"`
		Repeat *struct {
			Of    json.RawMessage `json:"of"`
			Count int             `json:"count"`
		} `json:"repeat"`
		Concat []json.RawMessage `json:"concat"`
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, broken("malformed bytes spec")
	}
	switch {
	case spec.JSON != nil:
		return spec.JSON, nil
	case spec.Text != nil:
		return []byte(*spec.Text), nil
	case spec.Base64 != nil:
		data, err := base64.StdEncoding.DecodeString(*spec.Base64)
		if err != nil {
			return nil, broken("malformed base64")
		}
		return data, nil
	case spec.Repeat != nil:
		data, err := bytesOf(spec.Repeat.Of)
		if err != nil || spec.Repeat.Count < 0 {
			return nil, broken("malformed repetition")
		}
		return bytes.Repeat(data, spec.Repeat.Count), nil
	case spec.Concat != nil:
		var data []byte
		for _, part := range spec.Concat {
			piece, err := bytesOf(part)
			if err != nil {
				return nil, err
			}
			data = append(data, piece...)
		}
		return data, nil
	}
	return nil, broken("malformed bytes spec")
}

// parsed pastes JSON text as it is, once it is known to be JSON.
func parsed(text []byte) any {
	if json.Valid(text) && utf8.Valid(text) {
		return json.RawMessage(text)
	}
	return object{"$invalid": string(text)}
}

func retryAfter(wait time.Duration) int64 {
	if wait < 0 {
		return -1
	}
	return wait.Milliseconds()
}

func errorObject(e *hedgerouter.Error) object {
	return object{"code": e.Code.Name(), "origin": e.Origin.String(), "http_status": e.HTTPStatus,
		"retriable": e.Retriable, "retry_after_ms": retryAfter(e.RetryAfter), "path": e.Path, "message": e.Message}
}

func eventObject(e hedgerouter.Event) object {
	types := map[hedgerouter.EventType]string{hedgerouter.EventStart: "start", hedgerouter.EventChunk: "chunk",
		hedgerouter.EventEnd: "end"}
	result := object{"type": types[e.Type], "data": parsed(e.Data), "elapsed_ms": float64(e.Elapsed) / 1e6}
	if e.Type != hedgerouter.EventEnd {
		return result
	}
	failure := e.Err
	if failure == nil {
		failure = &hedgerouter.Error{HTTPStatus: e.HTTPStatus, RetryAfter: -1}
	}
	for name, value := range errorObject(failure) {
		if name != "path" {
			result[name] = value
		}
	}
	return result
}
