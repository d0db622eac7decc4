// Streams several answers at once, with a router that C++ closes by itself.
//
//   stream CONFIG_FILE MODEL_GROUP

#include <hedgerouter.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

/// Owns a router; failures are exceptions.
class Router {
public:
  explicit Router(const std::string &config) {
    hr_error error = HR_ERROR_INIT;
    if (hr_router_new(config.data(), config.size(), nullptr, &handle_, &error) != HR_OK) raise(error);
  }
  ~Router() { hr_router_free(&handle_); }
  Router(const Router &) = delete;
  Router &operator=(const Router &) = delete;

  void submit(const std::string &body, void *user_data) {
    hr_submit_options options = HR_SUBMIT_OPTIONS_INIT;
    options.user_data = user_data;
    hr_request request = { 0 };
    hr_error error = HR_ERROR_INIT;
    if (hr_submit(handle_, body.data(), body.size(), &options, &request, &error) != HR_OK) raise(error);
  }

  template <typename Handler> void poll(Handler &&handle) {
    hr_event events[32] = { HR_EVENT_INIT };
    hr_error error = HR_ERROR_INIT;
    const int32_t count = hr_poll(handle_, events, 32, -1, &error);
    if (count < 0) raise(error);
    for (int32_t i = 0; i < count; i++)
      handle(std::as_const(events[i]));
  }

private:
  [[noreturn]] static void raise(const hr_error &error) {
    throw std::runtime_error(std::string(hr_error_name(error.code)) + ": " + error.message);
  }

  hr_router handle_ = { 0 };
};

} // namespace

int main(int argc, char **argv) try {
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " CONFIG_FILE MODEL_GROUP\n";
    return 2;
  }
  std::ifstream file(argv[1]);
  Router router(std::string(std::istreambuf_iterator<char>(file), {}));
  const std::string body = std::string("{\"model\": \"") + argv[2] +
                           "\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Say hello.\"}]}";
  std::pair<int, int> chunks[3] = {};
  int open = 0, failed = 0;
  for (auto &each : chunks) {
    each.first = ++open;
    router.submit(body, &each);
  }
  while (open > 0) {
    router.poll([&](const hr_event &event) {
      auto &of = *static_cast<std::pair<int, int> *>(event.user_data);
      if (event.type == HR_EVENT_CHUNK) of.second++;
      if (event.type != HR_EVENT_END) return;
      open--;
      if (event.code != HR_OK) failed++;
      std::cout << "answer " << of.first << ": " << of.second << " chunks, " << hr_error_name(event.code) << "\n";
    });
  }
  return failed != 0;
} catch (const std::exception &error) {
  std::cerr << error.what() << "\n";
  return 1;
}
