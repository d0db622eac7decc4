/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share: reading choices out of the input, building text, and saying what broke.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <hedgerouter.h>
#include <hedgerouter_sim.h>

#include <jansson.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Runs one input; returns 0. A defect ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Input that is not used up yet. An empty input reads as zeros. */
typedef struct input {
  const uint8_t *data;
  size_t size;
} input;

static inline unsigned take(input *from) {
  if (from->size == 0) return 0;
  from->size--;
  return *from->data++;
}

/** A number below `limit`, which must be at most 256. */
static inline unsigned take_below(input *from, unsigned limit) {
  return take(from) % limit;
}

/** Text that grows. */
typedef struct text {
  char *data;
  size_t size;
  size_t capacity;
} text;

static inline void text_bytes(text *to, const void *data, size_t size) {
  if (to->size + size + 1 > to->capacity) {
    to->capacity = (to->size + size + 1) * 2;
    to->data = realloc(to->data, to->capacity);
    if (!to->data) abort();
  }
  if (size) memcpy(to->data + to->size, data, size);
  to->size += size;
  to->data[to->size] = 0;
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline void
text_format(text *to, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (size < 0 || (size_t)size >= sizeof line) abort();
  text_bytes(to, line, (size_t)size);
}

/** End the program, naming the rule that was broken. */
static inline void broken(const char *rule, const char *detail) {
  fprintf(stderr, "rule broken: %s: %s\n", rule, detail ? detail : "");
  abort();
}

/** Parse what the library returned, which must be JSON. */
static inline json_t *parsed(const char *data, size_t size, const char *what) {
  json_error_t where;
  json_t *value = json_loadb(data, size, JSON_ALLOW_NUL, &where);
  if (!value) broken("output is JSON", what);
  return value;
}

#endif
