/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include "testee.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *allocate(size_t size) {
  void *memory = calloc(1, size ? size : 1);
  if (!memory) {
    fputs("testee: out of memory\n", stderr);
    exit(3);
  }
  return memory;
}

char *duplicate(const char *text, size_t size) {
  char *copy = allocate(size + 1);
  if (size) memcpy(copy, text, size);
  return copy;
}

int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

json_int_t integer(const json_t *object, const char *key, json_int_t otherwise) {
  const json_t *value = json_object_get(object, key);
  return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* --- bytes specs ------------------------------------------------------------------------------------------------ */

/* Room for size bytes and a NUL: a power of two, so that appending byte by byte stays linear. */
static size_t room_for(size_t size) {
  size_t room = 16;
  while (room <= size)
    room *= 2;
  return room;
}

static void append(struct bytes *out, const char *data, size_t size) {
  size_t room = room_for(out->size + size);
  if (!out->data || room != room_for(out->size)) {
    char *grown = realloc(out->data, room);
    if (!grown) exit(3);
    out->data = grown;
  }
  if (size) memcpy(out->data + out->size, data, size);
  out->size += size;
  out->data[out->size] = '\0';
}

/* In blocks: a hundred megabytes one byte at a time take minutes under valgrind. */
static void append_often(struct bytes *out, const struct bytes *part, json_int_t count) {
  struct bytes block = { NULL, 0 };
  json_int_t parts = 0;
  for (; parts < count && block.size < 65536; parts++)
    append(&block, part->data, part->size);
  for (; parts > 0 && count >= parts; count -= parts)
    append(out, block.data, block.size);
  for (; count > 0; count--)
    append(out, part->data, part->size);
  free(block.data);
}

static bool append_base64(struct bytes *out, const char *text) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned int group = 0;
  int bits = 0;
  for (; *text && *text != '='; text++) {
    const char *place = strchr(alphabet, *text);
    if (!place) return false;
    group = (group << 6 | (unsigned int)(place - alphabet)) & 0xFFFFFFu;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      char byte = (char)(unsigned char)(group >> bits & 0xFFu);
      append(out, &byte, 1);
    }
  }
  return true;
}

static bool append_spec(const json_t *spec, struct bytes *out) {
  const json_t *value;
  if ((value = json_object_get(spec, "json"))) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) return false;
    append(out, text, strlen(text));
    free(text);
    return true;
  }
  if ((value = json_object_get(spec, "text"))) {
    append(out, json_string_value(value), json_string_length(value));
    return json_is_string(value);
  }
  if ((value = json_object_get(spec, "base64")))
    return json_is_string(value) && append_base64(out, json_string_value(value));
  if ((value = json_object_get(spec, "repeat"))) {
    struct bytes part = { NULL, 0 };
    json_int_t count = integer(value, "count", -1);
    bool good = count >= 0 && append_spec(json_object_get(value, "of"), &part);
    if (good && part.size > 0) append_often(out, &part, count);
    free(part.data);
    return good;
  }
  if ((value = json_object_get(spec, "concat"))) {
    for (size_t i = 0; i < json_array_size(value); i++)
      if (!append_spec(json_array_get(value, i), out)) return false;
    return json_is_array(value);
  }
  return false;
}

bool bytes_of(const json_t *spec, struct bytes *out) {
  *out = (struct bytes) { NULL, 0 };
  append(out, "", 0);
  return append_spec(spec, out);
}

/* --- values ----------------------------------------------------------------------------------------------------- */

json_t *text_value(const char *text, size_t size) {
  json_t *value = text ? json_stringn(text, size) : NULL;
  return value ? value : json_string("(not UTF-8)");
}

json_t *parsed(const char *text, size_t size) {
  if (text && text[size] == '\0') {
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value) return value;
  }
  return json_pack("{s:o}", "$invalid", text_value(text, size));
}

static const char *origin_name(int32_t origin) {
  switch (origin) {
  case HR_ORIGIN_LOCAL:
    return "local";
  case HR_ORIGIN_TRANSPORT:
    return "transport";
  case HR_ORIGIN_PROVIDER:
    return "provider";
  default:
    return "(unknown)";
  }
}

json_t *error_value(int32_t code, const hr_error *error) {
  return json_pack("{s:s, s:s, s:i, s:b, s:I, s:o, s:o}", "code", hr_error_name(code), "origin",
                   origin_name(error->origin), "http_status", (int)error->http_status, "retriable",
                   (int)error->retriable, "retry_after_ms", (json_int_t)error->retry_after_ms, "path",
                   text_value(error->path, strlen(error->path)), "message",
                   text_value(error->message, strlen(error->message)));
}

json_t *event_value(const hr_event *event) {
  static const char *const types[] = { "(none)", "start", "chunk", "end" };
  const char *type = event->type >= HR_EVENT_START && event->type <= HR_EVENT_END ? types[event->type] : "(unknown)";
  json_t *value = json_pack("{s:s, s:o, s:f}", "type", type, "data", parsed(event->data, event->data_size),
                            "elapsed_ms", (double)event->elapsed_ns / 1e6);
  if (event->type == HR_EVENT_END) {
    json_object_set_new(value, "code", json_string(hr_error_name(event->code)));
    json_object_set_new(value, "origin", json_string(origin_name(event->origin)));
    json_object_set_new(value, "http_status", json_integer(event->http_status));
    json_object_set_new(value, "retriable", json_boolean(event->retriable));
    json_object_set_new(value, "retry_after_ms", json_integer(event->retry_after_ms));
    json_object_set_new(value, "message", text_value(event->message, event->message_size));
  }
  return value;
}

/* --- results ---------------------------------------------------------------------------------------------------- */

struct outcome ok(json_t *value) {
  return (struct outcome) { "ok", value };
}

struct outcome failed(int32_t code, const hr_error *error) {
  return (struct outcome) { "error", error_value(code, error) };
}

struct outcome status(int32_t code, const hr_error *error) {
  return code < 0 ? failed(code, error) : ok(json_object());
}

struct outcome broken(const char *format, ...) {
  char text[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return (struct outcome) { "broken", text_value(text, strlen(text)) };
}
