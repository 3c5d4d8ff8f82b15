// Included by simd.hpp for numbers, and by vec.inl for the registers of each instruction set.
// exp and log, written once for a number and for a register of them, without branches, so that a loop vectorises.
// V is double or a vector of doubles and B the unsigned integers of the same width (float likewise).

template <class To, class From>
MIXOT_INLINE To bits_as(const From& from) {
  To to;
  static_assert(sizeof to == sizeof from, "same bits");
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class V, class T>
MIXOT_INLINE V at_least(const V& x, T bound) {
  const V b = V{} + bound;
  return b > x ? b : x;
}
template <class V, class T>
MIXOT_INLINE V at_most(const V& x, T bound) {
  const V b = V{} + bound;
  return b < x ? b : x;
}

// x = n log 2 + r, |r| <= log(2) / 2: the polynomial 1 + r + r^2 q(r) of least relative error (4e-18, 3e-9) by Remez'
// exchange, and n goes into the exponent bits, where the smallest exponent and below leave zero. Relative error below
// 2.3e-16 (double), 1.2e-7 (float); 0 below -708.8 (-87.7).
template <class V, class B>
MIXOT_INLINE V exp64(const V& x) {
  const V c = at_most(at_least(x, -800.0), 709.0);
  const V n = (c * 1.4426950408889634074 + 6755399441055744.0) - 6755399441055744.0;  // to nearest
  const V r = (c - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  V p = r * 2.5000061602835666e-08 + 2.763024837921144e-07;
  p = p * r + 2.7557586373840165e-06;
  p = p * r + 2.480149309890655e-05;
  p = p * r + 0.00019841269506578688;
  p = p * r + 0.0013888888943630114;
  p = p * r + 0.008333333333494461;
  p = p * r + 0.041666666666530155;
  p = p * r + 0.16666666666666413;
  p = p * r + 0.5000000000000011;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const V biased = at_least(n, -1023.0) + 4503599627371519.0;  // n + 1023 in the low bits of 2^52 + n + 1023
  return p * bits_as<V>(B(bits_as<B>(biased) << 52));
}

template <class V, class B>
MIXOT_INLINE V exp32(const V& x) {
  const V c = at_most(at_least(x, -110.0f), 88.0f);
  const V n = (c * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  const V r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
  V p = r * 0.001381459865f + 0.00836871688f;
  p = p * r + 0.04166838805f;
  p = p * r + 0.1666652063f;
  p = p * r + 0.4999999345f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const V biased = at_least(n, -127.0f) + 8388735.0f;
  return p * bits_as<V>(B(bits_as<B>(biased) << 23));
}

// log of a positive normal x = 2^n m, m in [sqrt(1/2), sqrt(2)): log m = 2 artanh f, f = (m - 1) / (m + 1), as a power
// series in f^2 <= 0.0295. Absolute error below 2e-16 + 1 ulp (double), 1e-7 + 1 ulp (float).
template <class V, class B>
MIXOT_INLINE V log64(const V& x) {
  const B bits = bits_as<B>(x);
  const B exponent = (((bits - 0x3FE6A09E667F3BCDull) >> 52) ^ 0x800ull) & 0xFFFull;  // n + 2048; sqrt(1/2) to 0
  const V m = bits_as<V>(B(bits - ((exponent - 2048ull) << 52)));
  const V n = bits_as<V>(B(exponent | 0x4330000000000000ull)) - 4503599627372544.0;  // 2^52 + 2048: exact
  const V f = (m - 1.0) / (m + 1.0), g = f * f;
  V p = g * (1.0 / 23.0) + 1.0 / 21.0;
  p = p * g + 1.0 / 19.0;
  p = p * g + 1.0 / 17.0;
  p = p * g + 1.0 / 15.0;
  p = p * g + 1.0 / 13.0;
  p = p * g + 1.0 / 11.0;
  p = p * g + 1.0 / 9.0;
  p = p * g + 1.0 / 7.0;
  p = p * g + 1.0 / 5.0;
  p = p * g + 1.0 / 3.0;
  return n * 6.93147180369123816490e-01 + (n * 1.90821492927058770002e-10 + (f * 2.0 + f * 2.0 * (g * p)));
}

template <class V, class B>
MIXOT_INLINE V log32(const V& x) {
  const B bits = bits_as<B>(x);
  const B exponent = (((bits - 0x3F3504F3u) >> 23) ^ 0x100u) & 0x1FFu;
  const V m = bits_as<V>(B(bits - ((exponent - 256u) << 23)));
  const V n = bits_as<V>(B(exponent | 0x4B000000u)) - 8388864.0f;  // 2^23 + 256
  const V f = (m - 1.0f) / (m + 1.0f), g = f * f;
  V p = g * (1.0f / 11.0f) + 1.0f / 9.0f;
  p = p * g + 1.0f / 7.0f;
  p = p * g + 1.0f / 5.0f;
  p = p * g + 1.0f / 3.0f;
  return n * 0.693359375f + (n * -2.12194440e-4f + (f * 2.0f + f * 2.0f * (g * p)));
}
