// Scratch for the packed panels of product.inl; large enough on every instruction set.
#pragma once
#include <cstddef>

#include "machine/simd.hpp"

namespace mixot {

struct Panels {
  AlignedVector<double> a, b;
  void fit() {
    if (a.empty()) a.resize(192 * 128), b.resize(192 * 504);
  }
};

}  // namespace mixot
