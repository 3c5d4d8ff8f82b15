// Arrays of Python's, in and out.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <utility>
#include <vector>

namespace nb = nanobind;

template <class T, int N>
using Dense = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

// A vector of the kernel's becomes an array that owns it.
template <class T>
auto to_python(std::vector<T>&& values, std::vector<std::size_t> shape) {
  auto* kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.data(), owner);
}
