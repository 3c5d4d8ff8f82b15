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

// x = n log 2 + r, |r| <= log(2) / 2: Taylor in r, and n goes into the exponent bits, where at or below the smallest
// exponent it leaves zero. Relative error below 2.3e-16 (double), 1.2e-7 (float); 0 below -708.4 (-87.3).
template <class V, class B>
MIXOT_INLINE V exp64(const V& x) {
  const V low = x < -800.0 ? x * 0.0 - 800.0 : x;
  const V clipped = low > 709.0 ? low * 0.0 + 709.0 : low;
  const V n = (clipped * 1.4426950408889634074 + 6755399441055744.0) - 6755399441055744.0;  // to nearest
  const V r = (clipped - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  V p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const V biased = n + 1023.0, kept = biased > 0.0 ? biased : biased * 0.0;
  return p * bits_as<V>(bits_as<B>(V(kept + 4503599627370496.0)) << 52);
}

template <class V, class B>
MIXOT_INLINE V exp32(const V& x) {
  const V low = x < -110.0f ? x * 0.0f - 110.0f : x;
  const V clipped = low > 88.0f ? low * 0.0f + 88.0f : low;
  const V n = (clipped * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  const V r = (clipped - n * 0.693359375f) + n * 2.12194440e-4f;
  V p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const V biased = n + 127.0f, kept = biased > 0.0f ? biased : biased * 0.0f;
  return p * bits_as<V>(bits_as<B>(V(kept + 8388608.0f)) << 23);
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
