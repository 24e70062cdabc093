// The standard library's containers, strings, streams and threads on the allocator.
#include "check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

static long work(int seed) {
  std::unordered_map<std::string, std::vector<int>> table;
  for (int i = 0; i < 2000; i++) {
    std::ostringstream key;
    key << "key number " << (i * seed) % 97;
    table[key.str()].push_back(i);
  }
  std::map<long, std::shared_ptr<std::string>> sorted;
  for (auto& entry : table) {
    long sum = std::accumulate(entry.second.begin(), entry.second.end(), 0L);
    sorted[sum] = std::make_shared<std::string>(entry.first);
  }
  long total = 0;
  for (auto& entry : table) total += static_cast<long>(entry.second.size());
  return total + static_cast<long>(sorted.empty());
}

int main() {
  std::vector<std::thread> threads;
  std::vector<long> results(8);
  for (int i = 0; i < 8; i++) threads.emplace_back([&results, i] { results[i] = work(i + 1); });
  for (auto& thread : threads) thread.join();
  CHECK(std::all_of(results.begin(), results.end(), [](long result) { return result == 2000; }));
  return 0;
}
