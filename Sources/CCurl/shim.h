// Typed wrappers for the variadic calls of libcurl, which Swift cannot call, and the constants it cannot import.
#ifndef HEDGEROUTER_CCURL_SHIM_H
#define HEDGEROUTER_CCURL_SHIM_H

#include <curl/curl.h>

static inline CURLcode chr_easy_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode chr_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}

// Strings are copied by libcurl, but for CURLOPT_POSTFIELDS.
static inline CURLcode chr_easy_set_string(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode chr_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode chr_easy_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(easy, option, value);
}

// libcurl reads the handle for each transfer and does not keep it.
static inline CURLcode chr_easy_set_url(CURL *easy, CURLU *value) {
  return curl_easy_setopt(easy, CURLOPT_CURLU, value);
}

// CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode chr_easy_set_sink(CURL *easy, CURLoption option, curl_write_callback value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode chr_easy_set_open_socket(CURL *easy, curl_opensocket_callback value, void *data) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, data) : code;
}

static inline CURLcode chr_easy_set_close_socket(CURL *easy, curl_closesocket_callback value, void *data) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, value);
  return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, data) : code;
}

static inline CURLcode chr_easy_set_share(CURL *easy, CURLSH *value) {
  return curl_easy_setopt(easy, CURLOPT_SHARE, value);
}

// 0 when libcurl does not know.
static inline long chr_easy_get_long(CURL *easy, CURLINFO info) {
  long value = 0;
  return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

// 0 when libcurl does not know.
static inline curl_off_t chr_easy_get_offset(CURL *easy, CURLINFO info) {
  curl_off_t value = 0;
  return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline void *chr_easy_get_private(CURL *easy) {
  char *value = 0;
  return curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value) == CURLE_OK ? value : 0;
}

static inline CURLMcode chr_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode chr_multi_set_socket(CURLM *multi, curl_socket_callback value, void *data) {
  CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
  return code == CURLM_OK ? curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, data) : code;
}

static inline CURLMcode chr_multi_set_timer(CURLM *multi, curl_multi_timer_callback value, void *data) {
  CURLMcode code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
  return code == CURLM_OK ? curl_multi_setopt(multi, CURLMOPT_TIMERDATA, data) : code;
}

static inline CURLSHcode chr_share_add(CURLSH *share, curl_lock_data data) {
  return curl_share_setopt(share, CURLSHOPT_SHARE, data);
}

static const curl_socket_t chr_socket_timeout = CURL_SOCKET_TIMEOUT;
static const curl_socket_t chr_socket_bad = CURL_SOCKET_BAD;
static const size_t chr_write_pause = CURL_WRITEFUNC_PAUSE;
static const long chr_http_version_automatic = CURL_HTTP_VERSION_2TLS;
static const long chr_http_version_1 = CURL_HTTP_VERSION_1_1;
static const long chr_http_version_2 = CURL_HTTP_VERSION_2_0;
static const long chr_http_version_2_prior_knowledge = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;

static inline const curl_version_info_data *chr_version_info(void) {
  return curl_version_info(CURLVERSION_NOW);
}

#endif
