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

}  // namespace

extern "C" int work() {
  std::ostringstream text;
  for (int i = 0; i < 100; i++) text << i << ' ' << global[i % 3];
  std::thread other([] { per_thread.numbers.push_back(1); });
  other.join();
  auto shared = std::make_shared<std::string>(text.str());
  try {
    volatile std::size_t size = static_cast<std::size_t>(-1) / 2 + 1;
    delete[] new char[size];
  } catch (const std::bad_alloc&) {
    return static_cast<int>(shared->size() > 100);
  }
  return 0;
}
