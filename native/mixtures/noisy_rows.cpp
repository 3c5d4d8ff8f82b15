// A register of rows at a time: each lane factors the T of its row, L D L' without roots, and what is left of the rows are
// sums in lanes, which are added up at the end.
#include "mixtures/noisy_rows.hpp"

#include <algorithm>
#include <cmath>

namespace mixot {
namespace {

using std::size_t;
using RowLanes = NoisySums::Lanes;

constexpr size_t kMostLanes = 8;
constexpr double kNegligible = 1e-20;
constexpr int kFactors = 4;  // of a determinant, whose product is sure to be a number

struct Shape {
  bool plain;       // all diagonal
  size_t matrices;  // factors, and squares: k, or one where tied
  size_t entries;   // of a factor
};

Shape shape_of(const NoisyRows& in) {
  const bool plain = in.structure == Structure::diagonal && !in.full_noise;
  return {plain, in.structure == Structure::tied ? 1 : in.k, plain ? in.o : in.o * in.o};
}

double cov(const NoisyRows& in, size_t m, size_t a, size_t c) {
  if (in.structure == Structure::diagonal) return a == c ? in.covs[m * in.d + a] : 0.0;
  return in.covs[(m * in.d + a) * in.d + c];
}

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "mixtures/noisy_rows_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {
namespace {

// `out` is null where sums are wanted, which stay in the lanes; the component that is singular, or k.
size_t over_rows(const NoisyRows& in, const Shape& shape, RowLanes& s, double* out) {
  MIXOT_DISPATCH(over_rows(in, shape, s, out))
}

size_t lanes_of() { MIXOT_DISPATCH(lanes()) }

void prepare(const NoisyRows& in, const Shape& shape, RowLanes& s) {
  const size_t o = in.o, k = in.k, each = kMostLanes;
  s.x.resize(o * each), s.weight.resize(each), s.noise.resize(shape.entries * each), s.joint.resize(k * each);
  s.factor.resize(shape.matrices * shape.entries * each), s.inverse.resize(shape.entries * each);
  s.white.resize(k * o * each), s.pulled.resize(o * each);
  s.mass.assign(k * each, 0.0), s.pull.assign(k * o * each, 0.0), s.objective.assign(each, 0.0);
  s.square.assign(shape.matrices * shape.entries * each, 0.0);
}

void add_up(const AlignedVector<double>& lanes, size_t count, std::vector<double>& to) {
  const size_t width = lanes_of();
  to.assign(count, 0.0);
  for (size_t e = 0; e < count; ++e)
    for (size_t l = 0; l < width; ++l) to[e] += lanes[e * width + l];
}

}  // namespace

bool NoisySums::add(const NoisyRows& rows) {
  const Shape shape = shape_of(rows);
  prepare(rows, shape, lanes_);
  singular = over_rows(rows, shape, lanes_, nullptr);
  if (singular < rows.k) return false;
  add_up(lanes_.mass, rows.k, mass), add_up(lanes_.pull, rows.k * rows.o, pull);
  add_up(lanes_.square, shape.matrices * shape.entries, square);
  objective = 0;
  for (size_t l = 0; l < lanes_of(); ++l) objective += lanes_.objective[l];
  return true;
}

bool NoisySums::write_joint(const NoisyRows& rows, double* out) {
  const Shape shape = shape_of(rows);
  prepare(rows, shape, lanes_);
  singular = over_rows(rows, shape, lanes_, out);
  return singular == rows.k;
}

}  // namespace mixot
