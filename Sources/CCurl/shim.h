// Typed wrappers for the variadic calls of libcurl, which Swift cannot call.
#ifndef HEDGEROUTER_CCURL_SHIM_H
#define HEDGEROUTER_CCURL_SHIM_H

#include <curl/curl.h>

static inline CURLcode chr_easy_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

#endif
