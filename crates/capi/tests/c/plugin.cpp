// A C++ library that is loaded and unloaded: it allocates with everything C++ has.
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

struct PerThread {
  std::vector<int> numbers = std::vector<int>(1000, 7);
  ~PerThread() { numbers.resize(5000); }
};

thread_local PerThread per_thread;
std::map<int, std::string> global = {{1, "one"}, {2, "two"}};

void throws() { throw std::bad_alloc(); }

// A runtime that came after the allocator is found when the first `new` fails.
bool new_fails_properly() {
  volatile std::size_t size = static_cast<std::size_t>(-1) / 2 + 1;
  bool caught = false;
  try {
    operator delete(operator new(size));
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  std::set_new_handler(throws);
  bool null = operator new(size, std::nothrow) == nullptr;
  std::set_new_handler(nullptr);
  return caught && null;
}

}  // namespace

extern "C" int work() {
  std::ostringstream text;
  for (int i = 0; i < 100; i++) text << i << ' ' << global[i % 3];
  std::thread other([] { per_thread.numbers.push_back(1); });
  other.join();
  auto shared = std::make_shared<std::string>(text.str());
  return new_fails_properly() && shared->size() > 100;
}
