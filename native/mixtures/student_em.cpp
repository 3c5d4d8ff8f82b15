// Blocks of 240 points, coordinates by coordinates with the points in the lanes. A component's squares go through its
// triangular factor one vector of points at a time; its sums take the coordinates in pairs, so that the products of
// responsibilities and differences are formed once.
#include "mixtures/student_em.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr size_t kBlock = 240;         // points in a block: a multiple of every vector (2, 4 or 8 points)
constexpr size_t kRange = 8 * kBlock;  // points that one worker adds up before it merges

// What one worker writes.
struct Scratch {
  AlignedVector<double> x;                    // (d, block)
  AlignedVector<double> centred, pulled;      // (d, block)
  AlignedVector<double> joint, ratio;         // (k, block): log-joint, then responsibility; log(1 + q / df)
  AlignedVector<double> weight;               // (2, block): weights, and of one component r u
  std::vector<double> sums;                   // (k, 3 + d + d d): mass, pull, log_pull, first, second
  double log_likelihood = 0;

  explicit Scratch(const StudentProblem& in)
      : x(in.d * kBlock), centred((in.d + 1) * kBlock), pulled(in.d * kBlock), joint(in.k * kBlock), ratio(in.k * kBlock),
        weight(2 * kBlock), sums(in.k * width(in)) {}

  static size_t width(const StudentProblem& in) { return 3 + in.d + in.d * in.d; }

  void clear() {
    std::fill(sums.begin(), sums.end(), 0.0);
    log_likelihood = 0;
  }
};

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "mixtures/student_em_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {
namespace {

void pass_range(const StudentProblem& in, size_t begin, size_t end, Scratch& s) {
  MIXOT_DISPATCH(pass_range(in, begin, end, s))
}

}  // namespace

double student_pass(const StudentProblem& in, size_t threads, double* mass, double* pull, double* log_pull,
                    double* first, double* second) {
  const size_t ranges = (in.n + kRange - 1) / kRange, width = Scratch::width(in);
  const size_t workers = std::max<size_t>(1, std::min(threads, ranges));
  std::vector<Scratch> scratch(workers, Scratch(in));
  std::vector<std::vector<double>> parts(ranges);
  std::vector<double> likelihoods(ranges), total(in.k * width, 0.0);
  parallel_blocks(ranges, workers, [&](size_t range, size_t worker) {
    Scratch& s = scratch[worker];
    pass_range(in, range * kRange, std::min(in.n, (range + 1) * kRange), s);
    parts[range] = s.sums;
    likelihoods[range] = s.log_likelihood;
  });
  double log_likelihood = 0;
  for (size_t range = 0; range < ranges; ++range) {
    log_likelihood += likelihoods[range];
    for (size_t i = 0; i < total.size(); ++i) total[i] += parts[range][i];
  }
  for (size_t j = 0; j < in.k; ++j) {
    const double* from = total.data() + j * width;
    mass[j] = from[0], pull[j] = from[1], log_pull[j] = from[2];
    std::copy(from + 3, from + 3 + in.d, first + j * in.d);
    std::copy(from + 3 + in.d, from + width, second + j * in.d * in.d);
  }
  return log_likelihood;
}

}  // namespace mixot
