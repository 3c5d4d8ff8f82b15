// Gauss-Legendre quadrature.
#pragma once

namespace mixot {

// Positive nodes and weights of the Gauss-Legendre rules of 4, 6, 8, 12 and 16 points on [-1, 1].
inline constexpr double kGaussNodes[] = {
    0.3399810435848562648,   0.86113631159405257522, 0.23861918608319690863, 0.66120938646626451366,
    0.93246951420315202781,  0.18343464249564980494, 0.52553240991632898582,
    0.79666647741362673959,  0.96028985649753623168, 0.12523340851146891547, 0.36783149899818019375,
    0.5873179542866174473,   0.76990267419430468704, 0.90411725637047485668, 0.98156063424671925069,
    0.095012509837637440185, 0.28160355077925891323, 0.45801677765722738634, 0.61787624440264374845,
    0.7554044083550030339,   0.86563120238783174388, 0.94457502307323257608, 0.9894009349916499326};
inline constexpr double kGaussWeights[] = {
    0.65214515486254614263,  0.34785484513745385737,  0.46791393457269104739,  0.36076157304813860757,
    0.17132449237917034504,  0.36268378337836198297,  0.31370664587788728734,
    0.22238103445337447054,  0.10122853629037625915,  0.249147045813402785,    0.23349253653835480876,
    0.20316742672306592175,  0.16007832854334622633,  0.10693932599531843096,  0.047175336386511827195,
    0.18945061045506849629,  0.18260341504492358887,  0.16915651939500253819,  0.14959598881657673208,
    0.12462897125553387205,  0.09515851168249278481,  0.062253523938647892863, 0.027152459411754094852};

// Of the rule of n points: the first n / 2, those of the others are mirrored.
constexpr int gauss_start(int n) { return n == 4 ? 0 : n == 6 ? 2 : n == 8 ? 5 : n == 12 ? 9 : 15; }
constexpr const double* gauss_nodes(int n) { return kGaussNodes + gauss_start(n); }
constexpr const double* gauss_weights(int n) { return kGaussWeights + gauss_start(n); }

// All n nodes and weights, to be read by registers.
template <int N>
struct GaussRule {
  double node[N] = {}, weight[N] = {};
  constexpr GaussRule() {
    for (int j = 0; j < N / 2; ++j) {
      node[2 * j] = -gauss_nodes(N)[j], node[2 * j + 1] = gauss_nodes(N)[j];
      weight[2 * j] = weight[2 * j + 1] = gauss_weights(N)[j];
    }
  }
};
template <int N>
inline constexpr GaussRule<N> gauss_rule{};

}  // namespace mixot
