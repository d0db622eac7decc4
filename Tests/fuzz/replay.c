/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target on the files named as arguments, without the fuzzer.
 */

#include "fuzz.h"

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (!file) {
      perror(argv[i]);
      return 2;
    }
    text content = { 0 };
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
      text_bytes(&content, block, got);
    fclose(file);
    LLVMFuzzerTestOneInput((const uint8_t *)content.data, content.size);
    free(content.data);
  }
  return 0;
}
