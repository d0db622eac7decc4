/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Frames of Amazon's event stream with right checksums and any content, which bytes alone would never come to: each
 * frame is a type, a length and a payload. One type in sixteen is headers of the fuzzer's own, another a frame with a
 * wrong bit.
 */

#include "decode.h"

static const char *const types[] = {
  "messageStart",
  "contentBlockStart",
  "contentBlockDelta",
  "contentBlockDelta",
  "contentBlockDelta",
  "contentBlockStop",
  "messageStop",
  "metadata",
  "somethingNew",
  "throttlingException",
  "internalServerException",
  "modelStreamErrorException",
  "validationException",
  "serviceUnavailableException",
};

enum { TYPES = sizeof types / sizeof *types, FIRST_EXCEPTION = 9, OWN_HEADERS = TYPES, WRONG_BIT = TYPES + 1 };

static uint32_t crc32_of(const uint8_t *data, size_t size) {
  uint32_t value = 0xffffffff;
  for (size_t i = 0; i < size; i++) {
    value ^= data[i];
    for (int bit = 0; bit < 8; bit++)
      value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
  }
  return value ^ 0xffffffff;
}

static void add_number(text *to, uint32_t value) {
  const uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };
  text_bytes(to, bytes, 4);
}

static void add_header(text *to, const char *name, const char *value) {
  const uint8_t name_size = (uint8_t)strlen(name);
  const uint8_t type_and_size[3] = { 7, 0, (uint8_t)strlen(value) };
  text_bytes(to, &name_size, 1);
  text_bytes(to, name, name_size);
  text_bytes(to, type_and_size, 3);
  text_bytes(to, value, strlen(value));
}

static void add_frame(text *to, const text *headers, const uint8_t *payload, size_t size, int is_wrong) {
  const size_t start = to->size;
  add_number(to, (uint32_t)(headers->size + size + 16));
  add_number(to, (uint32_t)headers->size);
  add_number(to, crc32_of((const uint8_t *)to->data + start, 8));
  if (headers->size) text_bytes(to, headers->data, headers->size);
  text_bytes(to, payload, size);
  add_number(to, crc32_of((const uint8_t *)to->data + start, to->size - start));
  if (is_wrong) to->data[start + size % (to->size - start)] ^= 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = { data, size };
  const unsigned flags = take(&in);
  const size_t step = 1 + take_below(&in, 64);
  text stream = { 0 };
  while (in.size > 0) {
    const unsigned type = take_below(&in, TYPES + 2);
    size_t length = take(&in);
    if (length > in.size) length = in.size;
    text headers = { 0 };
    if (type == OWN_HEADERS) {
      text_bytes(&headers, in.data, length / 2);
      add_frame(&stream, &headers, in.data + length / 2, length - length / 2, 0);
    } else {
      const int is_exception = type >= FIRST_EXCEPTION && type < TYPES;
      const char *name = types[type % TYPES];
      add_header(&headers, is_exception ? ":exception-type" : ":event-type", name);
      add_header(&headers, ":content-type", "application/json");
      add_header(&headers, ":message-type", is_exception ? "exception" : "event");
      add_frame(&stream, &headers, in.data, length, type == WRONG_BIT);
    }
    free(headers.data);
    in.data += length;
    in.size -= length;
  }
  const size_t cut = flags >> 2 & 15;
  const size_t kept = stream.size > cut ? stream.size - cut : 0;
  check_decoding("bedrock", flags & 1 ? "\"stream\": true" : "\"stream\": false", 200, flags >> 1 & 1,
                 (const uint8_t *)stream.data, kept, step);
  free(stream.data);
  return 0;
}
