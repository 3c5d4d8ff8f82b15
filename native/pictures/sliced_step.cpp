#include "pictures/sliced_step.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace mixot {
namespace {

using std::size_t;

// A point's place along a direction; its number breaks ties.
struct Place {
  double along;
  std::int32_t point;
  bool operator<(const Place& other) const {
    return along < other.along || (along == other.along && point < other.point);
  }
};

// Sorts places: first into as many buckets as there are, by counting, and inside of these by insertion, while that is
// quick. Twice as fast as sorting by comparisons for the thousand colors of a picture.
class Sorter {
 public:
  explicit Sorter(size_t n) : ends_(n + 1), bucket_(n), sorted_(n) {}

  const std::vector<Place>& operator()(const std::vector<Place>& places) {
    const size_t n = places.size();
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Place& each : places) low = std::min(low, each.along), high = std::max(high, each.along);
    const double scale = high > low ? static_cast<double>(n - 1) / (high - low) : 0.0;
    std::fill(ends_.begin(), ends_.end(), 0);
    for (size_t i = 0; i < n; ++i) {
      bucket_[i] = static_cast<std::int32_t>((places[i].along - low) * scale);
      ++ends_[static_cast<size_t>(bucket_[i]) + 1];
    }
    for (size_t i = 0; i < n; ++i) ends_[i + 1] += ends_[i];
    for (size_t i = 0; i < n; ++i)
      sorted_[static_cast<size_t>(ends_[static_cast<size_t>(bucket_[i])]++)] = places[i];
    insert();
    return sorted_;
  }

 private:
  void insert() {
    const size_t n = sorted_.size();
    size_t budget = 8 * n;
    for (size_t at = 1; at < n; ++at) {
      const Place taken = sorted_[at];
      size_t to = at;
      for (; to > 0 && taken < sorted_[to - 1]; --to) sorted_[to] = sorted_[to - 1];
      sorted_[to] = taken;
      if (at - to > budget) return std::sort(sorted_.begin(), sorted_.end());  // most of them in one bucket
      budget -= at - to;
    }
  }

  std::vector<std::int32_t> ends_, bucket_;
  std::vector<Place> sorted_;
};

// What the piecewise linear function through (levels, values) is at s, where s only grows from call to call.
class Quantile {
 public:
  Quantile(const double* levels, const double* values, size_t l) : levels_(levels), values_(values), l_(l) {}

  double operator()(double s) {
    if (s > reach_) advance(s);
    return value_ + slope_ * (s - level_);
  }

 private:
  // To the piece that holds s; before the first level and behind the last one it is flat.
  void advance(double s) {
    while (at_ < l_ && levels_[at_] < s) ++at_;
    reach_ = at_ < l_ ? levels_[at_] : std::numeric_limits<double>::infinity();
    const size_t end = std::min(at_, l_ - 1);
    level_ = levels_[end];
    value_ = values_[end];
    slope_ = at_ > 0 && at_ < l_ ? (value_ - values_[at_ - 1]) / (level_ - levels_[at_ - 1]) : 0.0;
  }

  const double *levels_, *values_;
  size_t l_, at_ = 0;
  double reach_ = -std::numeric_limits<double>::infinity(), level_ = 0, value_ = 0, slope_ = 0;
};

}  // namespace

void sliced_step(const double* points, const double* weights, size_t n, const double* directions, size_t m,
                 const double* levels, const double* quantiles, size_t l, double* step) {
  std::vector<Place> places(n);
  std::vector<double> moves(n * m);  // of each point in each direction
  Sorter sorter(n);
  for (size_t d = 0; d < m; ++d) {
    const double* u = directions + 3 * d;
    for (size_t i = 0; i < n; ++i) {
      const double* x = points + 3 * i;
      places[i] = {x[0] * u[0] + x[1] * u[1] + x[2] * u[2], static_cast<std::int32_t>(i)};
    }
    Quantile quantile(levels, quantiles + d * l, l);
    double below = 0;
    for (const Place& here : sorter(places)) {
      const double weight = weights[here.point];
      moves[d * n + static_cast<size_t>(here.point)] = quantile(below + weight / 2) - here.along;
      below += weight;
    }
  }
  std::fill(step, step + 3 * n, 0.0);
  for (size_t d = 0; d < m; ++d) {
    const double* u = directions + 3 * d;
    for (size_t i = 0; i < n; ++i)
      for (int c = 0; c < 3; ++c) step[3 * i + c] += moves[d * n + i] * u[c];
  }
}

}  // namespace mixot
