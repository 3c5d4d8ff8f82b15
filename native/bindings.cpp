// The only file that knows Python. Each kernel gets its arrays as pointers and sizes, with the interpreter lock released.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "simd.hpp"

namespace nb = nanobind;

NB_MODULE(_native, m) {
  m.doc() = "Compiled loops of mixot. Trusted inputs: everything is checked by the Python that calls them.";

  // The instruction set the multiversioned loops run on.
  m.def("isa", [] {
    switch (mixot::isa()) {
      case mixot::Isa::avx512: return "avx512";
      case mixot::Isa::avx2: return "avx2";
      default: return "baseline";
    }
  });
}
