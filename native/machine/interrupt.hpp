// Ctrl-C inside long loops. Kernels know no Python: native/python says once how to ask whether the user wants to stop.
#pragma once
#include <atomic>
#include <chrono>
#include <exception>

namespace mixot {

struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

// Whether the user asked to stop; null where nobody can. It may take long, so that loops ask only now and then.
inline std::atomic<bool (*)()> interrupt_asked{nullptr};

// Throws Interrupted where the user asked to stop, in the thread that Python hands its signals to. Costs one reading of
// the clock, 20 ns, and asks every 50 ms.
inline void look_for_interrupt() {
  using Clock = std::chrono::steady_clock;
  static thread_local Clock::time_point next{};
  const Clock::time_point now = Clock::now();
  if (now < next) return;
  next = now + std::chrono::milliseconds(50);
  if (bool (*asked)() = interrupt_asked.load(std::memory_order_relaxed))
    if (asked()) throw Interrupted();
}

// The same for loops over rows so short that reading the clock in each would be felt.
inline void look_for_interrupt(int row) {
  if (row % 64 == 63) look_for_interrupt();
}

}  // namespace mixot
