/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * What encoding a request and decoding an answer cost by themselves.
 *
 * Reads scripts of hr_sim_codec() from standard input, one on each line, and prints for each what it took: CPU time in
 * microseconds, calls of malloc() and its like, and the size of the result. A script's "repeat" has the work done that
 * often, so that two runs that differ only in it tell the cost of the work apart from that of reading the script.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hedgerouter_sim.h"

/* The program's own definitions stand before those of libc, for the library too. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static unsigned long long allocations;

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  allocations++;
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  allocations++;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

static double cpu_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(void) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t size;
  while ((size = getline(&line, &capacity, stdin)) > 0) {
    char *result = NULL;
    size_t result_size = 0;
    hr_error error = HR_ERROR_INIT;
    unsigned long long counted = allocations;
    double began = cpu_us();
    int32_t status = hr_sim_codec(line, (size_t)size, &result, &result_size, &error);
    double took = cpu_us() - began;
    counted = allocations - counted;
    if (status != HR_OK) {
      fprintf(stderr, "codec: %s\n", error.message);
      return 1;
    }
    printf("{\"cpu_us\": %.3f, \"allocations\": %llu, \"result\": %.*s}\n", took, counted, (int)result_size, result);
    hr_string_free(result);
  }
  free(line);
  return 0;
}
