/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a provider's answer: the first four bytes choose the provider, stream or not, the HTTP status, how the
 * transfer ends, and where the rest is cut into pieces. Events do not depend on the cuts, at most one event ends the
 * answer, and nothing follows it.
 */

#include "fuzz.h"

static const char *const providers[] = { "openai", "azure", "anthropic", "gemini", "bedrock", "cohere", "mistral" };
static const int statuses[] = { 200, 200, 200, 200, 400, 401, 404, 429, 500, 503 };

enum { PROVIDERS = sizeof providers / sizeof *providers, STATUSES = sizeof statuses / sizeof *statuses };

static void add_base64(text *to, const uint8_t *data, size_t size) {
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

/* Decodes the answer in pieces of `step` bytes; 0 is all at once. Returns NULL when the provider does not exist. */
static char *decode(const char *provider, int stream, int status, int clean, const uint8_t *data, size_t size,
                    size_t step) {
  text script = { 0 };
  text_format(&script, "{\"provider\": \"%s\", \"stream\": %s, \"status\": %d, \"end\": \"%s\", \"input\": [", provider,
              stream ? "true" : "false", status, clean ? "clean" : "broken");
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
  if (result != HR_OK && result != HR_E_INVAL) broken("the decoder reports in events", hr_error_name(result));
  return out;
}

static void check_events(const char *out) {
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = { data, size };
  const char *provider = providers[take_below(&in, PROVIDERS)];
  unsigned flags = take(&in);
  int status = statuses[take_below(&in, STATUSES)];
  size_t step = 1 + take_below(&in, 16);

  char *whole = decode(provider, flags & 1, status, flags >> 1 & 1, in.data, in.size, 0);
  if (!whole) return 0;
  check_events(whole);
  char *pieces = decode(provider, flags & 1, status, flags >> 1 & 1, in.data, in.size, step);
  if (!pieces || strcmp(whole, pieces) != 0) {
    fprintf(stderr, "whole:  %s\npieces: %s\n", whole, pieces ? pieces : "(refused)");
    broken("events do not depend on where the input is cut", provider);
  }
  hr_string_free(whole);
  hr_string_free(pieces);
  return 0;
}
