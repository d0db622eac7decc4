/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * A chat server with canned answers that costs so little that the client is what a benchmark measures. HTTP/1.1 over
 * epoll, one thread, loopback only. The path chooses the answer:
 *
 *   /json/...    one chat.completion
 *   /burst/...   a stream of 20 chunks, all at once
 *   /paced/...   the same stream, one chunk every half millisecond, as a fast model sends it
 *   /asked/...   a chat.completion or, to a request that asks for a stream, as paced
 *   /endless/... as paced, but it never ends
 *
 * Prints its port, then serves until its standard input ends.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CHUNKS = 20, PARTS = CHUNKS + 2, INPUT = 16384, CONNECTIONS = 4096, TICK_NS = 500 * 1000 };

/** One client connection. */
typedef struct connection {
  char input[INPUT];
  size_t filled;
  int next_part; /**< Part of the paced stream to send next. */
  int endless;   /**< Whether the paced stream starts anew instead of ending. */
} connection;

static connection *connections[CONNECTIONS];
static int pacing[CONNECTIONS]; /**< Descriptors with a paced stream under way. */
static int pacing_count;

static char json_answer[2048], burst_answer[16384], parts[PARTS][1024];
static size_t json_size, burst_size, part_sizes[PARTS];

static void make_answers(void) {
  const char *body = "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
                     "\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The sea "
                     "keeps its own time and lends it to whoever sits beside it for long enough.\"},"
                     "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":18,"
                     "\"total_tokens\":32}}";
  json_size = (size_t)snprintf(json_answer, sizeof json_answer,
                               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                               strlen(body), body);
  for (int i = 0; i < CHUNKS; i++) {
    char event[640];
    int size = snprintf(event, sizeof event,
                        "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                        "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"word%02d \"},"
                        "\"finish_reason\":null}]}\n\n",
                        i == 0 ? "\"role\":\"assistant\"," : "", i);
    part_sizes[i] = (size_t)snprintf(parts[i], sizeof parts[i], "%s%x\r\n%s\r\n",
                                     i == 0 ? "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                              "Transfer-Encoding: chunked\r\n\r\n"
                                            : "",
                                     (unsigned)size, event);
  }
  const char *last = "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                     "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
  part_sizes[CHUNKS] = (size_t)snprintf(parts[CHUNKS], sizeof parts[CHUNKS], "%zx\r\n%s\r\n", strlen(last), last);
  part_sizes[CHUNKS + 1] =
      (size_t)snprintf(parts[CHUNKS + 1], sizeof parts[CHUNKS + 1], "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  for (int i = 0; i < PARTS; i++) {
    memcpy(burst_answer + burst_size, parts[i], part_sizes[i]);
    burst_size += part_sizes[i];
  }
}

static void hang_up(int fd) {
  for (int i = 0; i < pacing_count; i++) {
    if (pacing[i] == fd) pacing[i--] = pacing[--pacing_count];
  }
  free(connections[fd]);
  connections[fd] = NULL;
  close(fd);
}

/* Answers fit the socket's buffer; a client that does not read is hung up on. */
static int put(int fd, const char *data, size_t size) {
  if (send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size) return 1;
  hang_up(fd);
  return 0;
}

static void answer(int fd, connection *of, const char *body) {
  if (strstr(of->input, " /json/") || (strstr(of->input, " /asked/") && !strstr(body, "\"stream\":true"))) {
    put(fd, json_answer, json_size);
  } else if (strstr(of->input, " /burst/")) {
    put(fd, burst_answer, burst_size);
  } else if (put(fd, parts[0], part_sizes[0])) {
    of->next_part = 1;
    of->endless = strstr(of->input, " /endless/") != NULL;
    pacing[pacing_count++] = fd;
  }
}

/* Answers the request in the input if all of it is there; clients do not pipeline. */
static void serve(int fd, connection *of) {
  of->input[of->filled] = 0;
  char *end = strstr(of->input, "\r\n\r\n");
  if (!end) return;
  char *length = strcasestr(of->input, "content-length:");
  size_t body = length && length < end ? (size_t)atol(length + 15) : 0;
  if (of->filled < (size_t)(end + 4 - of->input) + body) return;
  *end = 0;
  of->filled = 0;
  answer(fd, of, end + 4);
}

static void on_input(int fd) {
  connection *of = connections[fd];
  ssize_t got = recv(fd, of->input + of->filled, INPUT - 1 - of->filled, MSG_DONTWAIT);
  if (got > 0) {
    of->filled += (size_t)got;
    serve(fd, of);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    hang_up(fd);
  }
}

static void on_tick(int timer) {
  unsigned long long ticks;
  if (read(timer, &ticks, sizeof ticks) < 0) return;
  for (int i = pacing_count - 1; i >= 0; i--) {
    int fd = pacing[i];
    connection *of = connections[fd];
    if (of->endless && of->next_part == CHUNKS) of->next_part = 1;
    int part = of->next_part++;
    /* The last chunk and the end of the stream go together. */
    if (part == CHUNKS) {
      pacing[i] = pacing[--pacing_count];
      if (put(fd, parts[CHUNKS], part_sizes[CHUNKS])) put(fd, parts[CHUNKS + 1], part_sizes[CHUNKS + 1]);
    } else {
      put(fd, parts[part], part_sizes[part]);
    }
  }
}

static void watch(int poller, int fd) {
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void on_connect(int poller, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  if (fd >= CONNECTIONS || !(connections[fd] = calloc(1, sizeof(connection)))) {
    close(fd);
    return;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch(poller, fd);
}

int main(void) {
  make_answers();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1024) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    perror("upstream");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  int poller = epoll_create1(EPOLL_CLOEXEC);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  struct itimerspec tick = { { 0, TICK_NS }, { 0, TICK_NS } };
  timerfd_settime(timer, 0, &tick, NULL);
  watch(poller, listener);
  watch(poller, timer);
  watch(poller, STDIN_FILENO);
  struct epoll_event events[256];
  for (;;) {
    int ready = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener)
        on_connect(poller, listener);
      else if (fd == timer)
        on_tick(timer);
      else if (fd == STDIN_FILENO)
        return 0;
      else if (connections[fd])
        on_input(fd);
    }
  }
}
