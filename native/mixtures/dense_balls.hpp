// Balls that hold more points than a density says: a scan statistic.
#pragma once
#include <cstddef>

namespace mixot {

// Of the balls around each of m points that hold `least` points or more, the one whose points are least likely so many:
// points (m, d); count (m), the observations that each stands for; density (m), the observations that are expected in a
// unit cube there -> excess (m) = max of c log(c / e) - c + e over radii, c the count within, e the expected one, 0 where
// no ball has c > e; square (m), the squared radius of the ball that attains it. The density in a ball is the mean of that
// at its points: more than the average over the ball, so that a slope is not taken for a cluster. (Kulldorff 1997.)
void dense_balls(const double* points, const double* count, const double* density, std::size_t m, std::size_t d,
                 std::size_t least, double* excess, double* square);

}  // namespace mixot
