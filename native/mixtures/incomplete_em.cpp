// Groups are cut into pieces, pieces are dealt out in tasks of about as many rows. A piece of many rows goes through the
// blocks of em.cpp, in the coordinates that were seen; one of few rows through plain loops, as most have where every row
// has a pattern of its own. Both leave sums of whitened rows y = P'(z - m), T^-1 = P P', which A = S[:, o] P takes to all
// coordinates: K (z - m) = A y, and S - A A' is what stays unknown. Rows that show the same coordinates under noise of
// their own make one piece, for the registers of noisy_rows.cpp.
#include "mixtures/incomplete_em.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "linear_algebra/small_factor.hpp"
#include "machine/parallel.hpp"
#include "machine/turns.hpp"
#include "mixtures/noisy_rows.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;

constexpr size_t kTask = 7680;  // rows that one worker adds up before it merges
constexpr size_t kOpening = 8;  // rows that cost as much as the factors of a group
constexpr size_t kFew = 24;     // rows below which blocks of 240 do not pay
constexpr size_t kApart = 1000;  // rows of a piece, about, whose noise is apart
constexpr double kNegligible = 1e-20;

struct Piece {
  size_t group, begin, end;
  bool apart;  // rows of groups from this one on, each with its noise
};

struct Plan {
  std::vector<Piece> pieces;
  std::vector<size_t> tasks{0};  // the first piece of each, and where the last one ends

  Plan(const EmGroups& groups, size_t d, size_t k) {
    size_t load = 0;
    auto row = [&](size_t g) { return static_cast<size_t>(groups.begin[g]); };
    auto count = [&](size_t g) { return row(g + 1) - row(g); };
    for (size_t g = 0, next; g < groups.groups; g = next) {
      next = g + 1;
      const bool apart = groups.shape != NoiseShape::none && count(g) < kFew && NoisySums::fit(k, d);
      for (; apart && next < groups.groups && groups.pattern[next] == groups.pattern[g] && count(next) < kFew; ++next)
        if (row(next) - row(g) >= kApart) break;
      for (size_t at = row(g), end = row(next); at < end;) {
        const size_t take = std::min(end - at, kTask);
        pieces.push_back({g, at, at + take, apart});
        at += take, load += apart ? take * kOpening : take + kOpening;
        if (load >= kTask) tasks.push_back(pieces.size()), load = 0;
      }
    }
    if (tasks.back() < pieces.size()) tasks.push_back(pieces.size());
  }
};

// One mixture as a group of rows sees it, and the sums of one task.
class Worker {
 public:
  explicit Worker(const IncompleteProblem& problem) : in_(problem), d_(problem.d), k_(problem.k) {
    per_component_ = in_.structure == Structure::diagonal || in_.structure == Structure::full;
    plain_ = in_.structure == Structure::diagonal && in_.groups->shape != NoiseShape::full;
    joint_.resize(k_);
    mass.resize(k_), first.resize(k_ * d_);
    second.resize(in_.structure == Structure::full ? k_ * d_ * d_ : in_.structure == Structure::tied ? d_ * d_ : k_ * d_);
  }

  Array mass, first, second;  // as `em_pass` has them, the tied second moment about the means
  double objective = 0;
  size_t singular = 0;

  void clear() {
    for (Array* each : {&mass, &first, &second}) std::fill(each->begin(), each->end(), 0.0);
    objective = 0;
  }

  // Adds the sums of a piece; false where a component of it is singular.
  bool add(const Piece& piece) {
    if (piece.apart) return add_apart(piece);
    if (!open(piece.group)) return false;
    alone_ = piece.end - piece.begin == 1;
    if (piece.end - piece.begin < kFew)
      sum_few(piece);
    else
      sum_many(piece);
    for (size_t j = 0; j < k_; ++j) mass[j] += mass_[j];
    if (plain_) return spread_plain(), true;
    if (in_.structure == Structure::tied) return spread_tied(), true;
    for (size_t j = 0; j < k_; ++j)
      if (mass_[j] > kNegligible) spread(j, j, first_.data() + j * o_, second_.data() + j * o_ * o_, mass_[j]);
    return true;
  }

  // Log of weight times density of the rows of a piece, (rows, k).
  bool write_joint(const Piece& piece, double* out) {
    if (piece.apart) {
      if (apart_.write_joint(noisy(piece), out)) return true;
      return singular = apart_.singular, false;
    }
    if (!open(piece.group)) return false;
    if (piece.end - piece.begin >= kFew) return em_log_joint(local(piece), 1, out), true;
    for (size_t i = piece.begin; i < piece.end; ++i, out += k_) {
      read_row(i);
      std::copy(joint_.begin(), joint_.end(), out);
    }
    return true;
  }

 private:
  // The coordinates that a group shows.
  void look(size_t group) {
    const std::uint8_t* seen = in_.groups->seen + static_cast<size_t>(in_.groups->pattern[group]) * d_;
    seen_.clear();
    for (size_t a = 0; a < d_; ++a)
      if (seen[a]) seen_.push_back(a);
    o_ = seen_.size();
  }

  // The rows of a piece, each with its noise.
  NoisyRows noisy(const Piece& piece) {
    look(piece.group);
    const EmGroups& groups = *in_.groups;
    const bool full = groups.shape == NoiseShape::full;
    own_.clear();
    for (size_t i = piece.begin, g = piece.group; i < piece.end; ++i) {
      while (static_cast<size_t>(groups.begin[g + 1]) <= i) ++g;
      own_.push_back(groups.noise + g * d_ * (full ? d_ : 1));
    }
    double shift = -0.5 * static_cast<double>(o_) * std::log(2 * M_PI);
    for (size_t a : seen_) shift += std::log(in_.inv_scale[a]);
    log_const_.resize(k_);
    for (size_t j = 0; j < k_; ++j) log_const_[j] = in_.log_weights[j] + shift;
    return {in_.points + piece.begin * d_, in_.weights ? in_.weights + piece.begin : nullptr, own_.data(),
            piece.end - piece.begin,       d_,                                                k_,
            o_,                            seen_.data(),                                      full,
            in_.structure,                 in_.center,                                        in_.inv_scale,
            in_.means,                     in_.covs,                                          log_const_.data()};
  }

  // first += S[:, o] pull, second += S[:, o] square S[o, :] + mass S, of sums as `NoisySums` has them.
  bool add_apart(const Piece& piece) {
    if (!apart_.add(noisy(piece))) return singular = apart_.singular, false;
    objective += apart_.objective;
    const bool diagonal = in_.structure == Structure::diagonal, tied = in_.structure == Structure::tied;
    double all = 0;
    for (size_t j = 0; j < k_; ++j) {
      mass[j] += apart_.mass[j], all += apart_.mass[j];
      for (size_t a = 0; a < d_; ++a)
        for (size_t r = 0; r < o_; ++r)
          first[j * d_ + a] += cov(tied ? 0 : j, a, seen_[r]) * apart_.pull[j * o_ + r];
    }
    for (size_t m = 0; m < (tied ? 1 : k_); ++m) {
      const double *square = apart_.square.data() + m * o_ * (plain_ ? 1 : o_), share = tied ? all : apart_.mass[m];
      if (diagonal) {
        double* to = second.data() + m * d_;
        for (size_t a = 0; a < d_; ++a) to[a] += share * in_.covs[m * d_ + a];
        for (size_t r = 0; r < o_; ++r) {
          const double v = in_.covs[m * d_ + seen_[r]];
          to[seen_[r]] += v * v * square[plain_ ? r : r * o_ + r];
        }
        continue;
      }
      gain_.assign(d_ * o_, 0.0);  // S[:, o] square
      for (size_t a = 0; a < d_; ++a)
        for (size_t r = 0; r < o_; ++r)
          for (size_t c = 0; c < o_; ++c)
            gain_[a * o_ + c] += cov(m, a, seen_[r]) * square[r >= c ? r * o_ + c : c * o_ + r];
      double* to = second.data() + m * d_ * d_;
      for (size_t a = 0; a < d_; ++a)
        for (size_t c = 0; c <= a; ++c) {
          double sum = share * cov(m, a, c);
          for (size_t r = 0; r < o_; ++r) sum += gain_[a * o_ + r] * cov(m, seen_[r], c);
          to[a * d_ + c] += sum;
        }
    }
    return true;
  }

  // The mixture in the coordinates that a group shows: means, factors P and constants.
  bool open(size_t group) {
    const EmGroups& groups = *in_.groups;
    look(group);
    whole_ = o_ == d_ && groups.shape == NoiseShape::none;
    noise_ = groups.shape == NoiseShape::none ? nullptr
                                              : groups.noise + group * d_ * (groups.shape == NoiseShape::full ? d_ : 1);
    center_.resize(o_), inv_scale_.resize(o_), means_.resize(k_ * o_), log_const_.resize(k_);
    double shift = -0.5 * static_cast<double>(o_) * std::log(2 * M_PI);
    for (size_t r = 0; r < o_; ++r) {
      center_[r] = in_.center[seen_[r]], inv_scale_[r] = in_.inv_scale[seen_[r]];
      shift += std::log(inv_scale_[r]);
      for (size_t j = 0; j < k_; ++j) means_[j * o_ + r] = in_.means[j * d_ + seen_[r]];
    }
    const size_t matrices = per_component_ ? k_ : 1;
    factors_.resize(matrices * o_ * (plain_ ? 1 : o_));
    for (size_t m = 0; m < matrices; ++m) {
      const double log_det = plain_ ? factor_plain(m) : factor(m);
      if (!std::isfinite(log_det)) return singular = m, false;
      for (size_t j = per_component_ ? m : 0; j < (per_component_ ? m + 1 : k_); ++j)
        log_const_[j] = in_.log_weights[j] + log_det + shift;
    }
    return true;
  }

  double cov(size_t m, size_t a, size_t c) const {
    if (in_.structure == Structure::diagonal) return a == c ? in_.covs[m * d_ + a] : 0.0;
    return in_.covs[(m * d_ + a) * d_ + c];
  }

  // Writes 1 / sqrt(T) of a diagonal T, and returns the sum of its logarithms.
  double factor_plain(size_t m) {
    double sum = 0;
    for (size_t r = 0; r < o_; ++r) {
      const double t = in_.covs[m * d_ + seen_[r]] + (noise_ ? noise_[seen_[r]] : 0.0);
      sum += std::log(factors_[m * o_ + r] = 1 / std::sqrt(t));
    }
    return sum;
  }

  // The same of a matrix T: P, and log det P; NaN where T is not positive definite.
  double factor(size_t m) {
    work_.resize(o_ * o_);
    const bool full = in_.groups->shape == NoiseShape::full;
    for (size_t r = 0; r < o_; ++r)
      for (size_t c = 0; c < o_; ++c) {
        double t = cov(m, seen_[r], seen_[c]);
        if (noise_ && full) t += noise_[seen_[r] * d_ + seen_[c]];
        if (noise_ && !full && r == c) t += noise_[seen_[r]];
        work_[r * o_ + c] = t;
      }
    if (!cholesky_upper(work_.data(), o_)) return std::numeric_limits<double>::quiet_NaN();
    double* p = factors_.data() + m * o_ * o_;
    invert_upper(work_.data(), o_, p);
    double sum = 0;
    for (size_t r = 0; r < o_; ++r) sum += std::log(p[r * o_ + r]);
    return sum;
  }

  // The rows of a piece, in the coordinates it shows, as a problem of complete rows.
  EmProblem<double> local(const Piece& piece) {
    const size_t rows = piece.end - piece.begin;
    points_.resize(rows * o_);
    for (size_t i = 0; i < rows; ++i)
      for (size_t r = 0; r < o_; ++r) points_[i * o_ + r] = in_.points[(piece.begin + i) * d_ + seen_[r]];
    const Structure kernel = plain_ ? Structure::diagonal : per_component_ ? Structure::full : Structure::tied;
    return {points_.data(),    in_.weights ? in_.weights + piece.begin : nullptr, rows, o_, k_, center_.data(),
            inv_scale_.data(), means_.data(), factors_.data(), log_const_.data(), kernel};
  }

  void prepare() {
    mass_.assign(k_, 0.0), first_.assign(k_ * o_, 0.0);
    second_.assign(plain_ ? k_ * o_ : (per_component_ ? k_ : 1) * o_ * o_, 0.0);
  }

  // Sums by blocks: whitened, unless they are of a diagonal law.
  void sum_many(const Piece& piece) {
    prepare();
    objective += em_pass(local(piece), 1, mass_.data(), first_.data(), second_.data());
    if (plain_) return;
    if (!per_component_)  // the kernel's moment is about zero: that about the means
      for (size_t r = 0; r < o_; ++r)
        for (size_t c = 0; c <= r; ++c)
          for (size_t j = 0; j < k_; ++j) {
            const double x = means_[j * o_ + r], y = means_[j * o_ + c];
            second_[r * o_ + c] -= first_[j * o_ + r] * y + x * first_[j * o_ + c] + mass_[j] * x * y;
          }
    if (whole_) return;
    for (size_t j = 0; j < k_; ++j) whiten(per_component_ ? j : 0, first_.data() + j * o_);
    for (size_t m = 0; m < (per_component_ ? k_ : 1); ++m) {
      double* s = second_.data() + m * o_ * o_;
      for (size_t r = 0; r < o_; ++r)
        for (size_t c = 0; c < r; ++c) s[c * o_ + r] = s[r * o_ + c];
      for (int side = 0; side < 2; ++side) {  // P' S P: rows, and then those of the transpose
        for (size_t r = 0; r < o_; ++r) whiten(m, s + r * o_);
        for (size_t r = 0; r < o_; ++r)
          for (size_t c = 0; c < r; ++c) std::swap(s[c * o_ + r], s[r * o_ + c]);
      }
    }
  }

  // z becomes P' z.
  void whiten(size_t m, double* z) const {
    const double* p = factors_.data() + m * o_ * o_;
    for (size_t c = o_; c-- > 0;) {
      double sum = 0;
      for (size_t r = 0; r <= c; ++r) sum += p[r * o_ + c] * z[r];
      z[c] = sum;
    }
  }

  // The log joint densities of a row, and the row as each component sees it: whitened (k, o); of a diagonal law and in
  // sums that stay as they are, centered.
  void read_row(size_t i) {
    whitened_.resize(k_ * o_), centered_.resize(k_ * o_);
    const double* x = in_.points + i * d_;
    for (size_t j = 0; j < k_; ++j) {
      double *y = whitened_.data() + j * o_, *z = centered_.data() + j * o_, square = 0;
      for (size_t r = 0; r < o_; ++r) y[r] = z[r] = (x[seen_[r]] - center_[r]) * inv_scale_[r] - means_[j * o_ + r];
      if (plain_)
        for (size_t r = 0; r < o_; ++r) y[r] *= factors_[j * o_ + r];
      else
        whiten(per_component_ ? j : 0, y);
      for (size_t r = 0; r < o_; ++r) square += y[r] * y[r];
      joint_[j] = log_const_[j] - square / 2;
    }
  }

  void sum_few(const Piece& piece) {
    prepare();
    for (size_t i = piece.begin; i < piece.end; ++i) {
      read_row(i);
      const double top = *std::max_element(joint_.begin(), joint_.end());
      double total = 0;
      for (double& each : joint_) total += each = std::exp(each - top);
      objective += in_.weights[i] * (top + std::log(total));
      for (size_t j = 0; j < k_; ++j) {
        const double share = in_.weights[i] * joint_[j] / total;
        if (!(share > kNegligible)) continue;
        mass_[j] += share;
        const double* y = (plain_ || whole_ ? centered_ : whitened_).data() + j * o_;
        double *sum = first_.data() + j * o_, *square = second_.data() + (per_component_ ? j : 0) * o_ * (plain_ ? 1 : o_);
        for (size_t r = 0; r < o_; ++r) {
          sum[r] += share * y[r];
          if (plain_)
            square[r] += share * y[r] * y[r];
          else
            for (size_t c = 0; c <= r; ++c) square[r * o_ + c] += share * y[r] * y[c];
        }
      }
    }
    if (plain_ || whole_) return;
    for (size_t m = 0; m < (per_component_ ? k_ : 1); ++m)
      for (size_t r = 0; r < o_; ++r)
        for (size_t c = 0; c < r; ++c) second_[(m * o_ + c) * o_ + r] = second_[(m * o_ + r) * o_ + c];
  }

  // Diagonal laws: a coordinate that is seen keeps the part v / (v + e) of its deviation, one that is not its variance.
  void spread_plain() {
    for (size_t j = 0; j < k_; ++j) {
      const double* v = in_.covs + j * d_;
      size_t r = 0;
      for (size_t a = 0; a < d_; ++a) {
        if (r == o_ || seen_[r] != a) {
          second[j * d_ + a] += mass_[j] * v[a];
          continue;
        }
        const double e = noise_ ? noise_[a] : 0.0, part = v[a] / (v[a] + e);
        first[j * d_ + a] += part * first_[j * o_ + r];
        second[j * d_ + a] += part * part * second_[j * o_ + r] + mass_[j] * part * e;
        ++r;
      }
    }
  }

  void spread_tied() {
    double all = 0;
    for (double each : mass_) all += each;
    for (size_t j = 0; j < k_; ++j) spread_first(0, j, first_.data() + j * o_);
    spread_second(0, second_.data(), all, second.data());
  }

  void spread(size_t m, size_t j, const double* own, const double* square, double share) {
    spread_first(m, j, own);
    spread_second(m, square, share, second.data() + j * d_ * (in_.structure == Structure::full ? d_ : 1));
  }

  // A = S[:, o] P, (d, o).
  void gain(size_t m) {
    gain_.resize(d_ * o_);
    const double* p = factors_.data() + m * o_ * o_;
    for (size_t a = 0; a < d_; ++a)
      for (size_t c = 0; c < o_; ++c) {
        double sum = 0;
        for (size_t r = 0; r <= c; ++r) sum += cov(m, a, seen_[r]) * p[r * o_ + c];
        gain_[a * o_ + c] = sum;
      }
  }

  // first[j] += A y
  void spread_first(size_t m, size_t j, const double* y) {
    double* to = first.data() + j * d_;
    if (whole_) {
      for (size_t a = 0; a < d_; ++a) to[a] += y[a];
      return;
    }
    if (per_component_ || j == 0) gain(m);
    for (size_t a = 0; a < d_; ++a)
      for (size_t c = 0; c < o_; ++c) to[a] += gain_[a * o_ + c] * y[c];
  }

  // to += A (Y - mass) A' + mass S, its lower triangle, or its diagonal; `gain_` is A.
  void spread_second(size_t m, double const* square, double share, double* to) {
    const bool diagonal = in_.structure == Structure::diagonal;
    if (whole_) {
      for (size_t a = 0; a < d_; ++a)
        for (size_t c = 0; c <= a; ++c) to[a * d_ + c] += square[a * d_ + c];
      return;
    }
    if (alone_ && per_component_) return spread_row(m, first_.data() + m * o_, share, to);
    half_.resize(o_);
    for (size_t a = 0; a < d_; ++a) {
      const double* row = gain_.data() + a * o_;
      for (size_t c = 0; c < o_; ++c) {
        double sum = -share * row[c];
        for (size_t r = 0; r < o_; ++r) sum += row[r] * square[r * o_ + c];
        half_[c] = sum;
      }
      for (size_t b = diagonal ? a : 0; b <= a; ++b) {
        double sum = share * cov(m, a, b);
        for (size_t c = 0; c < o_; ++c) sum += half_[c] * gain_[b * o_ + c];
        to[diagonal ? a : a * d_ + b] += sum;
      }
    }
  }

  // The same of a single row y, of which `sum` is the share: to += share (u u' - A A' + S), u = A y.
  void spread_row(size_t m, const double* sum, double share, double* to) {
    const bool diagonal = in_.structure == Structure::diagonal;
    half_.assign(d_, 0.0);
    for (size_t a = 0; a < d_; ++a) {
      const double* row = gain_.data() + a * o_;
      for (size_t c = 0; c < o_; ++c) half_[a] += row[c] * sum[c];
      for (size_t b = diagonal ? a : 0; b <= a; ++b) {
        const double* other = gain_.data() + b * o_;
        double product = 0;
        for (size_t c = 0; c < o_; ++c) product += row[c] * other[c];
        to[diagonal ? a : a * d_ + b] += half_[a] * half_[b] / share + share * (cov(m, a, b) - product);
      }
    }
  }

  const IncompleteProblem& in_;
  size_t d_, k_, o_ = 0;
  bool per_component_, plain_;         // a factor for each component; all diagonal
  bool whole_ = false, alone_ = false;  // nothing hidden and no noise; a piece of one row
  const double* noise_ = nullptr;
  std::vector<size_t> seen_;
  Array center_, inv_scale_, means_, factors_, log_const_;  // in the coordinates that are seen
  Array points_, mass_, first_, second_;                    // of a piece
  Array joint_, whitened_, centered_, work_, gain_, half_;
  NoisySums apart_;
  std::vector<const double*> own_;  // the noise of each row of a piece
};

// work(worker, task) for every task, then merge(worker) in the order of tasks; false where a task found a component
// singular, which is written.
template <class Work, class Merge>
bool in_order(const Plan& plan, const IncompleteProblem& problem, size_t threads, size_t& singular, Work&& work,
              Merge&& merge) {
  const size_t tasks = plan.tasks.size() - 1;
  std::vector<Worker> workers(std::max<size_t>(1, std::min(threads, tasks)), Worker(problem));
  std::atomic<bool> failed{false};
  Turns turns;
  parallel_blocks(tasks, threads, [&](size_t task, size_t worker) {
    bool good = false;
    try {
      good = failed.load() || work(workers[worker], task);
    } catch (...) {  // Ctrl-C, say: whoever waits for this task must not wait for ever
      turns.take(task, [&] { failed = true; });
      throw;
    }
    turns.take(task, [&] {
      if (good && !failed) return merge(workers[worker]);
      if (!failed) singular = workers[worker].singular;
      failed = true;
    });
  });
  return !failed;
}

}  // namespace

double incomplete_pass(const IncompleteProblem& problem, size_t threads, double* mass, double* first, double* second,
                       size_t& singular) {
  const Plan plan(*problem.groups, problem.d, problem.k);
  const size_t d = problem.d, k = problem.k;
  const bool tied = problem.structure == Structure::tied;
  const size_t squares = problem.structure == Structure::full ? k * d * d : tied ? d * d : k * d;
  std::fill(mass, mass + k, 0.0), std::fill(first, first + k * d, 0.0), std::fill(second, second + squares, 0.0);
  double objective = 0;
  const bool good = in_order(
      plan, problem, threads, singular,
      [&](Worker& w, size_t task) {
        w.clear();
        for (size_t p = plan.tasks[task]; p < plan.tasks[task + 1]; ++p)
          if (!w.add(plan.pieces[p])) return false;
        return true;
      },
      [&](Worker& w) {
        objective += w.objective;
        for (size_t j = 0; j < k; ++j) mass[j] += w.mass[j];
        for (size_t e = 0; e < k * d; ++e) first[e] += w.first[e];
        for (size_t e = 0; e < squares; ++e) second[e] += w.second[e];
      });
  if (!good) return std::numeric_limits<double>::quiet_NaN();
  if (tied)  // about zero, as em_pass has it
    for (size_t j = 0; j < k; ++j)
      for (size_t a = 0; a < d; ++a)
        for (size_t c = 0; c <= a; ++c) {
          const double x = problem.means[j * d + a], y = problem.means[j * d + c];
          second[a * d + c] += first[j * d + a] * y + x * first[j * d + c] + mass[j] * x * y;
        }
  return objective;
}

bool incomplete_log_joint(const IncompleteProblem& problem, size_t threads, double* out) {
  const Plan plan(*problem.groups, problem.d, problem.k);
  size_t singular = 0;
  return in_order(
      plan, problem, threads, singular,
      [&](Worker& w, size_t task) {
        for (size_t p = plan.tasks[task]; p < plan.tasks[task + 1]; ++p)
          if (!w.write_joint(plan.pieces[p], out + plan.pieces[p].begin * problem.k)) return false;
        return true;
      },
      [](Worker&) {});
}

}  // namespace mixot
