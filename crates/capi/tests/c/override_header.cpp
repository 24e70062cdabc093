// mimalloc-override.h stays in force when headers of the C++ library follow.
#include "mimalloc-override.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"

#if !defined(malloc) || !defined(free) || !defined(strdup) || !defined(realloc) || !defined(aligned_alloc)
#error "a header undefines the macros"
#endif

int main() {
  void* p = malloc(10);
  CHECK(is_ours(p));
  free(p);
  std::vector<std::string> words(3, std::string(100, 'x'));
  char* copy = strdup(words[2].c_str());
  CHECK(is_ours(copy) && strlen(copy) == 100);
  free(copy);
}
