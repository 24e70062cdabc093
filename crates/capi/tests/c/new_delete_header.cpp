// mimalloc-new-delete.h defines every form of operator new and delete.
#include "mimalloc-new-delete.h"

#include <string>
#include <vector>

#include "check.h"

struct alignas(256) wide {
  char bytes[256];
};

int main() {
  int* one = new int(1);
  int* many = new int[1000];
  int* quiet = new (std::nothrow) int[10];
  wide* over = new wide;
  wide* over_many = new (std::nothrow) wide[3];
  CHECK(is_ours(one) && is_ours(many) && is_ours(quiet) && is_ours(over) && is_ours(over_many));
  CHECK(aligned(over, 256) && aligned(over_many, 256));
  delete one;
  delete[] many;
  operator delete[](quiet, std::nothrow);
  delete over;
  delete[] over_many;
  std::vector<std::string> words(100, std::string(100, 'x'));
  CHECK(is_ours(words.data()) && is_ours(words[99].data()));
  return 0;
}
