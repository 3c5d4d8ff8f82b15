// Blocks of 240 points. The E step keeps points in the lanes: a strip of three vectors of points goes through the
// triangular factor four columns at a time, twelve accumulators in registers. The M step of d > 4 keeps coordinates
// in the lanes: rows sqrt(r) (z - m) of the points that matter are gathered into a buffer that fits the first-level
// cache, and its Gram matrix is summed in tiles of four rows by three vectors. For d <= 4 both steps live in registers.
#include "mixtures/em.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"
#include "machine/turns.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr size_t kBlock = 240;             // points in a block: a multiple of every strip (6, 12, 24 or 48 points)
constexpr size_t kRange = 8 * kBlock;      // points that one worker adds up before it merges
constexpr size_t kGroup = 4;               // columns of a factor, or rows of a Gram matrix, in one register tile
constexpr size_t kGramBytes = 30 * 1024;   // rows of the Gram buffer stay in the first-level cache
constexpr double kNegligible = 1e-20;

constexpr size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

template <class T>
constexpr size_t pitch_of(size_t d) {
  return round_up(d, 64 / sizeof(T));
}

// What all workers read: the mixture in the precision of the points, padded to `pitch` coordinates.
template <class T>
struct Model {
  const EmProblem<T>& in;
  size_t pitch, packed;       // coordinates with padding; entries of a packed factor
  AlignedVector<T> means;     // (k + 1, pitch), the last one zero
  AlignedVector<T> factors;   // full (k, packed), tied (1, packed), diagonal (k, d)
  AlignedVector<T> images;    // tied: means times the factor (k, d)
  AlignedVector<T> log_const; // (k)

  explicit Model(const EmProblem<T>& problem) : in(problem) {
    const size_t d = in.d, k = in.k;
    pitch = pitch_of<T>(d);
    packed = 0;
    for (size_t c = 0; c < d; c += kGroup) packed += std::min(d, c + kGroup) * std::min(kGroup, d - c);
    means.assign((k + 1) * pitch, T(0));
    for (size_t j = 0; j < k; ++j)
      for (size_t a = 0; a < d; ++a) means[j * pitch + a] = static_cast<T>(in.means[j * d + a]);
    log_const.assign(in.log_const, in.log_const + k);
    if (in.structure == Structure::diagonal) {
      factors.assign(in.factors, in.factors + k * d);
      return;
    }
    for (size_t j = 0; j < (in.structure == Structure::full ? k : 1); ++j) pack(in.factors + j * d * d);
    if (in.structure == Structure::tied) {
      images.assign(k * d, T(0));
      for (size_t j = 0; j < k; ++j)
        for (size_t c = 0; c < d; ++c) {
          double image = 0;
          for (size_t a = 0; a <= c; ++a) image += in.means[j * d + a] * in.factors[a * d + c];
          images[j * d + c] = static_cast<T>(image);
        }
    }
  }

  // Four columns side by side, row after row down to the diagonal: the order in which the E step reads them.
  void pack(const double* factor) {
    for (size_t c = 0; c < in.d; c += kGroup) {
      const size_t columns = std::min(kGroup, in.d - c);
      for (size_t a = 0; a < c + columns; ++a)
        for (size_t r = 0; r < columns; ++r)
          factors.push_back(a <= c + r ? static_cast<T>(factor[a * in.d + c + r]) : T(0));
    }
  }
};

// What one worker writes: a block of points in both layouts, its log-joint densities, and sums over a range.
template <class T>
struct Scratch {
  AlignedVector<T> own;        // a block that this worker reads itself: rows and strips
  const T* rows = nullptr;     // (block, pitch)
  const T* strips = nullptr;   // (strips, d, strip)
  AlignedVector<T> whitened;   // tied: strips times the factor
  AlignedVector<T> centred;    // (d, strip)
  AlignedVector<T> joint;      // (k, block)
  AlignedVector<T> weight, share, root;  // (block)
  AlignedVector<T> gram;       // (gram rows, pitch)
  std::vector<unsigned> index; // (block)
  size_t gram_rows;
  std::vector<double> mass, first, second;  // (k), (k + 1, pitch), (k or 1, pitch, pitch) or (k, pitch)
  double log_likelihood = 0;

  explicit Scratch(const Model<T>& model) {
    const size_t d = model.in.d, k = model.in.k, pitch = model.pitch;
    if (!model.in.blocks) own.assign(kBlock * (pitch + d), T(0));
    if (model.in.structure == Structure::tied) whitened.assign(kBlock * d, T(0));
    centred.assign(48 * d, T(0));
    joint.assign(k * kBlock, T(0));
    for (auto* each : {&weight, &share, &root}) each->assign(kBlock, T(0));
    const size_t row = std::max<size_t>(pitch, 1) * sizeof(T);  // no coordinate at all where nothing is seen of rows
    gram_rows = std::min(kBlock, std::max<size_t>(16, kGramBytes / row));
    gram.assign(gram_rows * pitch, T(0));
    index.assign(kBlock, 0);
    mass.assign(k, 0.0);
    first.assign((k + 1) * pitch, 0.0);
    second.assign(second_size(model), 0.0);
  }

  static size_t second_size(const Model<T>& model) {
    const size_t pitch = model.pitch;
    if (model.in.structure == Structure::diagonal) return model.in.k * pitch;
    return (model.in.structure == Structure::full ? model.in.k : 1) * pitch * pitch;
  }

  void clear() {
    for (auto* each : {&mass, &first, &second}) std::fill(each->begin(), each->end(), 0.0);
    log_likelihood = 0;
  }
};

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "mixtures/em_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {
namespace {

// The widest kernels this processor runs.
template <class T>
void pass_range(const Model<T>& model, size_t begin, size_t end, Scratch<T>& s) {
  MIXOT_DISPATCH(pass_range(model, begin, end, s))
}

template <class T>
void write_block(const EmProblem<T>& problem, size_t pitch, size_t begin, size_t count, T* rows) {
  MIXOT_DISPATCH(write_block(problem, pitch, begin, count, rows))
}

template <class T>
void joint_range(const Model<T>& model, size_t begin, size_t end, Scratch<T>& s, double* out) {
  MIXOT_DISPATCH(joint_range(model, begin, end, s, out))
}

}  // namespace

template <class T>
double em_pass(const EmProblem<T>& problem, size_t threads, double* mass, double* first, double* second) {
  const Model<T> model(problem);
  const size_t d = problem.d, k = problem.k, pitch = model.pitch, ranges = (problem.n + kRange - 1) / kRange;
  const bool diagonal = problem.structure == Structure::diagonal;
  const size_t squares = diagonal ? k : (problem.structure == Structure::full ? k : 1) * d;  // rows of `second`
  std::fill(mass, mass + k, 0.0);
  std::fill(first, first + k * d, 0.0);
  std::fill(second, second + squares * d, 0.0);
  double log_likelihood = 0;
  std::vector<Scratch<T>> scratch;
  for (size_t worker = 0; worker < std::max<size_t>(1, std::min(threads, ranges)); ++worker) scratch.emplace_back(model);
  Turns turns;
  parallel_blocks(ranges, threads, [&](size_t range, size_t worker) {
    Scratch<T>& s = scratch[worker];
    pass_range(model, range * kRange, std::min(problem.n, (range + 1) * kRange), s);
    turns.take(range, [&] {
      log_likelihood += s.log_likelihood;
      for (size_t j = 0; j < k; ++j) {
        mass[j] += s.mass[j];
        for (size_t a = 0; a < d; ++a) first[j * d + a] += s.first[j * pitch + a];
      }
      for (size_t row = 0; row < squares; ++row) {
        const double* from = s.second.data() + (diagonal ? row : row / d * pitch + row % d) * pitch;
        const size_t columns = diagonal ? d : row % d + 1;
        for (size_t c = 0; c < columns; ++c) second[row * d + c] += from[c];
      }
    });
  });
  return log_likelihood;
}

template <class T>
void em_log_joint(const EmProblem<T>& problem, size_t threads, double* out) {
  const Model<T> model(problem);
  const size_t ranges = (problem.n + kRange - 1) / kRange;
  std::vector<Scratch<T>> scratch;
  for (size_t worker = 0; worker < std::max<size_t>(1, std::min(threads, ranges)); ++worker) scratch.emplace_back(model);
  parallel_blocks(ranges, threads, [&](size_t range, size_t worker) {
    joint_range(model, range * kRange, std::min(problem.n, (range + 1) * kRange), scratch[worker], out);
  });
}

template <class T>
AlignedVector<T> em_blocks(const EmProblem<T>& problem) {
  const size_t pitch = pitch_of<T>(problem.d), each = kBlock * (pitch + problem.d);
  AlignedVector<T> blocks((problem.n + kBlock - 1) / kBlock * each, T(0));
  for (size_t begin = 0; begin < problem.n; begin += kBlock)
    write_block(problem, pitch, begin, std::min(kBlock, problem.n - begin), blocks.data() + begin / kBlock * each);
  return blocks;
}

template AlignedVector<double> em_blocks(const EmProblem<double>&);
template AlignedVector<float> em_blocks(const EmProblem<float>&);
template double em_pass(const EmProblem<double>&, size_t, double*, double*, double*);
template double em_pass(const EmProblem<float>&, size_t, double*, double*, double*);
template void em_log_joint(const EmProblem<double>&, size_t, double*);
template void em_log_joint(const EmProblem<float>&, size_t, double*);

}  // namespace mixot
