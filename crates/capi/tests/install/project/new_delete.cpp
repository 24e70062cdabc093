// The one source of a project that defines new and delete by the header made for that.
#include <mimalloc-new-delete.h>

#include <cstdio>
#include <memory>
#include <string>

int main() {
  auto text = std::make_unique<std::string>("a text that is too long to lie in the string itself");
  if (!mi_is_in_heap_region(text.get()) || !mi_is_in_heap_region(text->data())) return 1;
  std::puts(text->c_str());
  return 0;
}
