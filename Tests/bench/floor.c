/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * The floor: the same requests with nothing but libcurl, its multi interface driven over epoll as its documentation
 * advises, one reused handle per request in flight. It decodes nothing; it only counts the bytes it gets.
 */

#define _GNU_SOURCE
#include "bench.h"

#include <curl/curl.h>

#include <sys/epoll.h>

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

int main(int argc, char **argv) {
  bench_plan plan = bench_plan_of(argc, argv);
  char url[512];
  snprintf(url, sizeof url, "%s/chat/completions", plan.base_url);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  CURLM *multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 256L);

  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Authorization: Bearer bench");
  headers = curl_slist_append(headers, "Expect:");
  long long bytes = 0, failed = 0;
  int warm_up = plan.requests / 10 + plan.concurrency, done = 0, sent = 0;
  int all = plan.requests + warm_up;
  for (; sent < plan.concurrency && sent < all; sent++) {
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, plan.body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(plan.body));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_multi_add_handle(multi, easy);
  }

  bench_clock began = bench_now();
  int running = 0;
  struct epoll_event events[64];
  while (done < all) {
    int ready = epoll_wait(epoll_fd, events, 64, (int)timeout_ms);
    if (ready == 0) {
      timeout_ms = -1;
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (int i = 0; i < ready; i++) {
      int flags = 0;
      if (events[i].events & (EPOLLIN | EPOLLHUP)) flags |= CURL_CSELECT_IN;
      if (events[i].events & EPOLLOUT) flags |= CURL_CSELECT_OUT;
      if (events[i].events & EPOLLERR) flags |= CURL_CSELECT_ERR;
      curl_multi_socket_action(multi, events[i].data.fd, flags, &running);
    }
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
      CURL *easy = message->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      if (message->data.result != CURLE_OK || status != 200) failed++;
      curl_multi_remove_handle(multi, easy);
      if (++done == warm_up) {
        began = bench_now();
        bytes = 0;
      }
      if (sent < all) {
        sent++;
        curl_multi_add_handle(multi, easy);
      } else {
        curl_easy_cleanup(easy);
      }
    }
  }
  bench_report(&plan, began, bytes, failed);
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  return failed != 0;
}
