/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a provider's answer: the first four bytes choose the provider, stream or not, the HTTP status, how the
 * transfer ends, and where the rest is cut into pieces. Events do not depend on the cuts, at most one event ends the
 * answer, and nothing follows it.
 */

#include "decode.h"

static const char *const providers[] = { "openai", "azure", "anthropic", "gemini", "bedrock", "cohere", "mistral" };
static const int statuses[] = { 200, 200, 200, 200, 400, 401, 404, 429, 500, 503 };

enum { PROVIDERS = sizeof providers / sizeof *providers, STATUSES = sizeof statuses / sizeof *statuses };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = { data, size };
  const char *provider = providers[take_below(&in, PROVIDERS)];
  unsigned flags = take(&in);
  int status = statuses[take_below(&in, STATUSES)];
  size_t step = 1 + take_below(&in, 16);

  check_decoding(provider, flags & 1, status, flags >> 1 & 1, in.data, in.size, step);
  return 0;
}
