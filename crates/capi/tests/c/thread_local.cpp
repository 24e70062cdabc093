// Destructors of thread_local objects allocate and free while their thread ends, and objects made
// in one thread die in another.
#include "check.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Late {
  std::string name = "a name that is too long for the small buffer of a string";
  std::unique_ptr<std::vector<int>> numbers = std::make_unique<std::vector<int>>(1000, 1);
  ~Late() {
    std::vector<std::string> more(100, name);
    numbers->resize(100000);
    CHECK(more.back() == name);
  }
};

thread_local Late late;
static std::vector<std::string> handed_over[16];

static void run(int i) {
  late.numbers->push_back(i);
  handed_over[i].assign(1000, late.name);
}

int main() {
  run(0);
  for (int round = 0; round < 20; round++) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; i++) threads.emplace_back(run, i);
    for (auto& thread : threads) thread.join();
    for (auto& strings : handed_over) {
      CHECK(strings.size() == 1000 && strings[999] == late.name);
      strings = {};
    }
  }
  return 0;
}
