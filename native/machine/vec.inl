// Registers as values. Included once for each instruction set by each_isa.inl, which says how wide a register is
// (kBytes). Vec<T> is the compiler's vector type, or an array where it has none.
template <class T>
constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));

#include "machine/exp_log.inl"

#if defined(__GNUC__) || defined(__clang__)
template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(kBytes)));
};
template <class T>
using Vec = typename VecOf<T>::type;

template <class T>
MIXOT_INLINE Vec<T> splat(T x) {
  return x - Vec<T>{};  // -0.0 stays -0.0
}
template <class T>
MIXOT_INLINE Vec<T> vec_max(const Vec<T>& a, const Vec<T>& b) {
  return a > b ? a : b;
}
template <class T>
MIXOT_INLINE Vec<T> where_less(const Vec<T>& a, const Vec<T>& b, const Vec<T>& yes, const Vec<T>& no) {
  return a < b ? yes : no;
}
template <class T>
MIXOT_INLINE Vec<T> vec_exp(const Vec<T>& x) {
  if constexpr (sizeof(T) == 8)
    return exp64<Vec<T>, Vec<std::uint64_t>>(x);
  else
    return exp32<Vec<T>, Vec<std::uint32_t>>(x);
}
template <class T>
MIXOT_INLINE Vec<T> vec_log(const Vec<T>& x) {
  if constexpr (sizeof(T) == 8)
    return log64<Vec<T>, Vec<std::uint64_t>>(x);
  else
    return log32<Vec<T>, Vec<std::uint32_t>>(x);
}
#else
template <class T>
struct Vec {
  T lane[kLanes<T>];
  T operator[](int i) const { return lane[i]; }
  template <class Op>
  static Vec each(const Vec& a, const Vec& b, Op op) {
    Vec out;
    for (int i = 0; i < kLanes<T>; ++i) out.lane[i] = op(a.lane[i], b.lane[i]);
    return out;
  }
  friend Vec operator+(const Vec& a, const Vec& b) { return each(a, b, [](T x, T y) { return x + y; }); }
  friend Vec operator-(const Vec& a, const Vec& b) { return each(a, b, [](T x, T y) { return x - y; }); }
  friend Vec operator*(const Vec& a, const Vec& b) { return each(a, b, [](T x, T y) { return x * y; }); }
  friend Vec operator/(const Vec& a, const Vec& b) { return each(a, b, [](T x, T y) { return x / y; }); }
  Vec& operator+=(const Vec& b) { return *this = *this + b; }
};
template <class T>
MIXOT_INLINE Vec<T> splat(T x) {
  Vec<T> out;
  for (auto& lane : out.lane) lane = x;
  return out;
}
template <class T>
MIXOT_INLINE Vec<T> vec_max(const Vec<T>& a, const Vec<T>& b) {
  return Vec<T>::each(a, b, [](T x, T y) { return x > y ? x : y; });
}
template <class T>
MIXOT_INLINE Vec<T> where_less(const Vec<T>& a, const Vec<T>& b, const Vec<T>& yes, const Vec<T>& no) {
  Vec<T> out;
  for (int i = 0; i < kLanes<T>; ++i) out.lane[i] = a.lane[i] < b.lane[i] ? yes.lane[i] : no.lane[i];
  return out;
}
template <class T>
MIXOT_INLINE Vec<T> vec_exp(const Vec<T>& x) {
  return Vec<T>::each(x, x, [](T a, T) { return fast_exp(a); });
}
template <class T>
MIXOT_INLINE Vec<T> vec_log(const Vec<T>& x) {
  return Vec<T>::each(x, x, [](T a, T) { return fast_log(a); });
}
#endif

template <class T>
MIXOT_INLINE Vec<T> load(const T* from) {
  Vec<T> out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

template <class T>
MIXOT_INLINE void store(T* to, const Vec<T>& value) {
  std::memcpy(to, &value, sizeof value);
}

template <class T>
MIXOT_INLINE double sum_lanes(const Vec<T>& value) {
  double out = 0;
  for (int i = 0; i < kLanes<T>; ++i) out += static_cast<double>(value[i]);
  return out;
}

// to[i] += value[i] in double.
template <class T>
MIXOT_INLINE void add_lanes(double* to, const Vec<T>& value) {
#if defined(__GNUC__) || defined(__clang__)
  if constexpr (sizeof(T) == 8) {
    store<T>(to, load<T>(to) + value);
  } else {
    typedef T Half __attribute__((vector_size(kBytes / 2)));
    for (int h = 0; h < 2; ++h) {
      Half half;
      std::memcpy(&half, reinterpret_cast<const char*>(&value) + h * sizeof half, sizeof half);
      double* at = to + h * kLanes<double>;
      store<double>(at, load<double>(at) + __builtin_convertvector(half, Vec<double>));
    }
  }
#else
  for (int i = 0; i < kLanes<T>; ++i) to[i] += static_cast<double>(value[i]);
#endif
}
