// Compiled, not run: see header_forms.h.
#include "header_forms.h"

static_assert(noexcept(mi_malloc(1)) && noexcept(mi_free(nullptr)) && noexcept(mi_new_nothrow(1)), "");
static_assert(noexcept(mi_heap_malloc(nullptr, 1)) && noexcept(mi_collect(true)), "");
static_assert(noexcept(mi_debug_show_arenas()) && noexcept(mi_debug_show_arenas(true)), "");
static_assert(!noexcept(mi_new(1)) && !noexcept(mi_heap_alloc_new_n(nullptr, 1, 1)), "");
static_assert(!noexcept(mi_new_realloc(nullptr, 1)) && !noexcept(mi_heap_new()), "");

int main() {
  callbacks();
  show_arenas(true);
  typed(mi_heap_new());
  theaps(mi_heap_main());
  reserve(nullptr, static_cast<std::size_t>(options() + statistics()));
}
