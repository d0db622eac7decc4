/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a provider's answer: the first four bytes choose the decoder, how it was asked, the HTTP status, how the
 * transfer ends, and where the rest is cut into pieces. Events do not depend on the cuts, at most one event ends the
 * answer, and nothing follows it.
 *
 * HR_FUZZ_DECODER names decoders ("gemini", "responses,messages"): the fuzzer then makes inputs for these alone. Inputs
 * say all by themselves, so that a finding is one under any setting.
 */

#include "decode.h"

#define EMBED(input) "\"endpoint\": \"/v1/embeddings\", \"request\": {\"model\": \"m\", \"input\": " input "}"
#define BASE64 ", \"encoding_format\": \"base64\""
#define CHAT(stream, usage)                                                                                            \
  "\"request\": {\"model\": \"m\", \"stream\": " stream ", \"stream_options\": {\"include_usage\": " usage             \
  "}, \"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}"
#define TURNS "\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]"

enum { CHOICES = 4 };

/* What a decoder is asked with, for each value of the two flags "stream" and "further". */
typedef struct target {
  const char *name;
  const char *provider;
  const char *asked[CHOICES];
} target;

#define CHATS                                                                                                          \
  {                                                                                                                    \
    CHAT("false", "false"), CHAT("true", "false"), "\"stream_upstream\": true, " CHAT("false", "false"),               \
        CHAT("true", "true")                                                                                           \
  }
#define DIALECT(endpoint, prompt)                                                                                      \
  {                                                                                                                    \
    "\"endpoint\": \"" endpoint "\", \"request\": {\"model\": \"m\", " prompt "}",                                     \
        "\"endpoint\": \"" endpoint "\", \"request\": {\"model\": \"m\", \"stream\": true, " prompt "}",               \
        "\"endpoint\": \"" endpoint "\", \"stream_upstream\": true, \"request\": {\"model\": \"m\", " prompt "}",      \
        "\"endpoint\": \"" endpoint "\", \"request\": {\"model\": \"m\", \"stream\": true, " prompt "}"                \
  }
#define EMBEDDINGS(model)                                                                                              \
  {                                                                                                                    \
    model EMBED("\"a\""), model EMBED("[\"a\", \"b\"]"), model EMBED("[\"a\", \"b\"]" BASE64),                         \
        model EMBED("\"a\"" BASE64)                                                                                    \
  }

/* New ones go to the end: the first byte of an input is a place in this table. */
static const target targets[] = {
  { "openai", "openai", CHATS },
  { "azure", "azure", CHATS },
  { "anthropic", "anthropic", CHATS },
  { "gemini", "gemini", CHATS },
  { "bedrock", "bedrock", CHATS },
  { "cohere", "cohere", CHATS },
  { "mistral", "mistral", CHATS },
  { "responses", "openai", DIALECT("/v1/responses", "\"input\": \"q\"") },
  { "messages", "anthropic", DIALECT("/v1/messages", TURNS) },
  { "embeddings-openai", "openai", EMBEDDINGS("") },
  { "embeddings-gemini", "gemini", EMBEDDINGS("") },
  { "embeddings-vertex", "vertex_ai", EMBEDDINGS("") },
  { "embeddings-cohere", "cohere", EMBEDDINGS("") },
  { "embeddings-titan", "bedrock", EMBEDDINGS("\"model\": \"amazon.titan-embed-text-v2:0\", ") },
  { "embeddings-bedrock", "bedrock", EMBEDDINGS("\"model\": \"cohere.embed-english-v3\", ") },
};
static const int statuses[] = { 200, 200, 200, 200, 400, 401, 404, 429, 500, 503 };

enum {
  TARGETS = sizeof targets / sizeof *targets,
  STATUSES = sizeof statuses / sizeof *statuses,
  IS_STREAM = 1,
  IS_CLEAN = 2,
  IS_FURTHER = 4
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = { data, size };
  const target *chosen = &targets[take_below(&in, TARGETS)];
  const unsigned flags = take(&in);
  const int status = statuses[take_below(&in, STATUSES)];
  const size_t step = 1 + take_below(&in, 16);
  const char *asked = chosen->asked[(flags & IS_STREAM) | (flags & IS_FURTHER) >> 1];

  check_decoding(chosen->provider, asked, status, (flags & IS_CLEAN) != 0, in.data, in.size, step);
  return 0;
}

/* libFuzzer's own changes; not there when a file is run without it. */
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed);

/* Whether the comma-separated `names` have one that is, or begins, the name of the target. */
static int is_wanted(const target *one, const char *names) {
  while (*names) {
    const size_t length = strcspn(names, ",");
    if (length && strncmp(one->name, names, length) == 0) return 1;
    names += length + (names[length] == ',');
  }
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, limit);
  const char *names = getenv("HR_FUZZ_DECODER");
  if (!names || !*names || size == 0) return size;
  for (unsigned i = 0; i < TARGETS; i++) {
    const uint8_t place = (uint8_t)((data[0] + i) % TARGETS);
    if (!is_wanted(&targets[place], names)) continue;
    data[0] = place;
    return size;
  }
  fprintf(stderr, "no decoder is called \"%s\" (%u)\n", names, seed);
  exit(2);
}
