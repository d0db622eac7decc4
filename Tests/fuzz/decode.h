/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Puts an answer through a provider's decoder and checks what holds for every answer: events do not depend on where it
 * is cut, at most one event ends it, and nothing follows that.
 */

#ifndef DECODE_H
#define DECODE_H

#include "fuzz.h"

static inline void add_base64(text *to, const uint8_t *data, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  text_format(to, "{\"base64\": \"");
  for (size_t i = 0; i < size; i += 3) {
    uint32_t bits = (uint32_t)data[i] << 16;
    if (i + 1 < size) bits |= (uint32_t)data[i + 1] << 8;
    if (i + 2 < size) bits |= data[i + 2];
    char four[4] = { digits[bits >> 18], digits[bits >> 12 & 63], i + 1 < size ? digits[bits >> 6 & 63] : '=',
                     i + 2 < size ? digits[bits & 63] : '=' };
    text_bytes(to, four, 4);
  }
  text_format(to, "\"}");
}

/*
 * Decodes the answer in pieces of `step` bytes; 0 is all at once. `asked` are the members of the script that say what
 * was asked, such as "\"stream\": true".
 */
static inline char *decode(const char *provider, const char *asked, int status, int clean, const uint8_t *data,
                           size_t size, size_t step) {
  text script = { 0 };
  text_format(&script, "{\"provider\": \"%s\", %s, \"status\": %d, \"end\": \"%s\", \"input\": [", provider, asked,
              status, clean ? "clean" : "broken");
  if (step == 0) step = size ? size : 1;
  for (size_t at = 0; at < size; at += step) {
    if (at) text_format(&script, ", ");
    add_base64(&script, data + at, size - at < step ? size - at : step);
  }
  text_format(&script, "]}");
  char *out = NULL;
  hr_error error = HR_ERROR_INIT;
  int32_t result = hr_sim_codec(script.data, script.size, &out, NULL, &error);
  free(script.data);
  if (result != HR_OK) broken("the decoder reports in events", error.message);
  return out;
}

static inline void check_events(const char *out) {
  json_t *document = parsed(out, strlen(out), "hr_sim_codec");
  json_t *events = json_object_get(document, "events");
  if (!json_is_array(events)) broken("there are events", out);
  size_t index;
  json_t *event;
  int ended = 0;
  json_array_foreach(events, index, event) {
    if (ended) broken("nothing follows the end", out);
    ended = json_object_get(event, "completed") || json_object_get(event, "failed");
  }
  json_decref(document);
}

/** Decode whole and in pieces of `step` bytes; a defect ends the program. */
static inline void check_decoding(const char *provider, const char *asked, int status, int clean, const uint8_t *data,
                                  size_t size, size_t step) {
  char *whole = decode(provider, asked, status, clean, data, size, 0);
  check_events(whole);
  char *pieces = decode(provider, asked, status, clean, data, size, step);
  if (strcmp(whole, pieces) != 0) {
    fprintf(stderr, "whole:  %s\npieces: %s\n", whole, pieces);
    broken("events do not depend on where the input is cut", provider);
  }
  hr_string_free(whole);
  hr_string_free(pieces);
}

#endif
