// SPDX-License-Identifier: Apache-2.0
//
// The header in C++17: layouts that FFIs rely on, C linkage, and INIT macros that C++ accepts.

#include <hedgerouter.h>
#include <hedgerouter_sim.h>

#include <cstddef>
#include <type_traits>

static_assert(sizeof(hr_router) == 8 && sizeof(hr_request) == 8, "handles are one number, passed in a register");
static_assert(!std::is_convertible<hr_router, hr_request>::value, "one kind of handle is not another");
static_assert(std::is_trivially_copyable<hr_event>::value && std::is_standard_layout<hr_event>::value, "plain data");
static_assert(offsetof(hr_error, struct_size) == 0 && offsetof(hr_event, struct_size) == 0, "struct_size comes first");
static_assert(offsetof(hr_router_options, struct_size) == 0, "struct_size comes first");
static_assert(offsetof(hr_submit_options, struct_size) == 0, "struct_size comes first");

extern "C" {
using poll_type = int32_t (*)(hr_router, hr_event *, size_t, int64_t, hr_error *);
}
static_assert(std::is_same<decltype(&hr_poll), poll_type>::value, "hr_poll is what its comment says");

int main() {
  hr_error error = HR_ERROR_INIT;
  hr_event event = HR_EVENT_INIT;
  hr_router_options router_options = HR_ROUTER_OPTIONS_INIT;
  hr_submit_options submit_options = HR_SUBMIT_OPTIONS_INIT;
  bool good = error.retry_after_ms == -1 && event.user_data == nullptr && router_options.log_callback == nullptr &&
              submit_options.user_data_free == nullptr;
  return good ? 0 : 1;
}
