/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * The floor: the same requests with nothing but libcurl, its multi interface driven over epoll as its documentation
 * advises, one reused handle per request in flight. It decodes nothing; it only counts the bytes it gets.
 *
 * With the word "thread" after the common arguments the same loop runs on a thread of its own, as any library must that
 * makes progress while its program does something else: requests are handed over through an eventfd, and the program's
 * thread is told of bytes and ends through a condition variable, once for each turn of the loop.
 */

#define _GNU_SOURCE
#include "bench.h"

#include <curl/curl.h>

#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST_IN_FLIGHT = 1024 };

/* What the loop and the program's thread share when they are two. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t told;
  int wake_fd;
  int wanted; /* requests to start */
  int ended;  /* requests that ended, and bytes that came, since the program last looked */
  long long bytes;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER };

/* What the loop counts, and the handles that wait for a request. */
static struct {
  bench_plan plan;
  int threaded;
  int all;
  int warm_up;
  long long bytes;
  long long failed;
  bench_clock began;
  CURL *idle[MOST_IN_FLIGHT];
  int idle_count;
} work;

static int epoll_fd;
static long timeout_ms = -1;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  (void)easy;
  CURLM *multi = user;
  struct epoll_event event = { 0 };
  event.data.fd = fd;
  if (what != CURL_POLL_OUT) event.events |= EPOLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    curl_multi_assign(multi, fd, NULL);
  } else if (known) {
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
  } else {
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(multi, fd, multi);
  }
  return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *user) {
  (void)multi;
  (void)user;
  timeout_ms = milliseconds;
  return 0;
}

static size_t on_data(char *data, size_t size, size_t count, void *user) {
  (void)data;
  *(long long *)user += (long long)(size * count);
  return size * count;
}

static void add_idle(CURLM *multi, int count) {
  while (count-- > 0 && work.idle_count > 0)
    curl_multi_add_handle(multi, work.idle[--work.idle_count]);
}

/* The program asked for requests. */
static void start_wanted(CURLM *multi) {
  uint64_t wakes;
  if (read(shared.wake_fd, &wakes, sizeof wakes) < 0) return;
  pthread_mutex_lock(&shared.lock);
  int wanted = shared.wanted;
  shared.wanted = 0;
  pthread_mutex_unlock(&shared.lock);
  add_idle(multi, wanted);
}

/* Tell the program of what came in this turn. */
static void tell(long long bytes, int ended) {
  if (bytes == 0 && ended == 0) return;
  pthread_mutex_lock(&shared.lock);
  shared.bytes += bytes;
  shared.ended += ended;
  pthread_mutex_unlock(&shared.lock);
  pthread_cond_signal(&shared.told);
}

static int take_ended(CURLM *multi) {
  int left, ended = 0;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left))) {
    CURL *easy = message->easy_handle;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (message->data.result != CURLE_OK || status != 200) work.failed++;
    curl_multi_remove_handle(multi, easy);
    work.idle[work.idle_count++] = easy;
    ended++;
  }
  return ended;
}

static void make_handles(struct curl_slist *headers) {
  static char url[512];
  snprintf(url, sizeof url, "%s/chat/completions", work.plan.base_url);
  while (work.idle_count < work.plan.concurrency) {
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, work.plan.body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(work.plan.body));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &work.bytes);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    work.idle[work.idle_count++] = easy;
  }
}

static void *run_loop(void *unused) {
  (void)unused;
  CURLM *multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 256L);
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Authorization: Bearer bench");
  headers = curl_slist_append(headers, "Expect:");
  make_handles(headers);

  int sent = 0, done = 0, running = 0;
  struct epoll_event events[64];
  while (done < work.all) {
    if (!work.threaded && work.idle_count > 0 && sent < work.all) {
      int count = work.idle_count < work.all - sent ? work.idle_count : work.all - sent;
      sent += count;
      add_idle(multi, count);
    }
    long long bytes = work.bytes;
    int ready = epoll_wait(epoll_fd, events, 64, (int)timeout_ms);
    if (ready == 0) {
      timeout_ms = -1;
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (int i = 0; i < ready; i++) {
      int flags = 0;
      if (work.threaded && events[i].data.fd == shared.wake_fd) {
        start_wanted(multi);
        continue;
      }
      if (events[i].events & (EPOLLIN | EPOLLHUP)) flags |= CURL_CSELECT_IN;
      if (events[i].events & EPOLLOUT) flags |= CURL_CSELECT_OUT;
      if (events[i].events & EPOLLERR) flags |= CURL_CSELECT_ERR;
      curl_multi_socket_action(multi, events[i].data.fd, flags, &running);
    }
    int before = done;
    done += take_ended(multi);
    if (work.threaded) {
      tell(work.bytes - bytes, done - before);
    } else if (before < work.warm_up && done >= work.warm_up) {
      work.began = bench_now();
      work.bytes = 0;
    }
  }
  while (work.idle_count > 0)
    curl_easy_cleanup(work.idle[--work.idle_count]);
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  return NULL;
}

/* The program's side: keep the wanted number of requests in flight, and count what comes. */
static long long run_program(void) {
  int sent = 0, done = 0;
  long long bytes = 0;
  while (done < work.all) {
    int count = work.plan.concurrency - (sent - done);
    if (count > work.all - sent) count = work.all - sent;
    uint64_t one = 1;
    pthread_mutex_lock(&shared.lock);
    shared.wanted += count;
    pthread_mutex_unlock(&shared.lock);
    sent += count;
    if (count > 0 && write(shared.wake_fd, &one, sizeof one) < 0) return 0;
    pthread_mutex_lock(&shared.lock);
    while (shared.ended == 0 && shared.bytes == 0)
      pthread_cond_wait(&shared.told, &shared.lock);
    int before = done;
    done += shared.ended;
    bytes += shared.bytes;
    shared.ended = 0;
    shared.bytes = 0;
    pthread_mutex_unlock(&shared.lock);
    if (before < work.warm_up && done >= work.warm_up) {
      work.began = bench_now();
      bytes = 0;
    }
  }
  return bytes;
}

int main(int argc, char **argv) {
  work.plan = bench_plan_of(argc, argv);
  work.threaded = argc > 5 && strcmp(argv[5], "thread") == 0;
  if (work.plan.concurrency > MOST_IN_FLIGHT) return 2;
  work.warm_up = work.plan.requests / 10 + work.plan.concurrency;
  work.all = work.plan.requests + work.warm_up;
  work.began = bench_now();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (!work.threaded) {
    run_loop(NULL);
  } else {
    pthread_t loop;
    struct epoll_event event = { .events = EPOLLIN };
    shared.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event.data.fd = shared.wake_fd;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, shared.wake_fd, &event);
    if (pthread_create(&loop, NULL, run_loop, NULL) != 0) return 1;
    work.bytes = run_program();
    pthread_join(loop, NULL);
  }
  bench_report(&work.plan, work.began, work.bytes, work.failed);
  return work.failed != 0;
}
