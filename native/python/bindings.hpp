// What the files that know nanobind share.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

template <class T, int N>
using Dense = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

// Weighted points against densities: pixels, voxels and sums of Gaussians.
void bind_transport(nb::module_& m);
