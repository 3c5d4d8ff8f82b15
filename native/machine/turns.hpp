// Results of blocks that are merged in the order of the blocks, whoever computed them.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace mixot {

// Blocks of parallel_blocks take turns in their order. The lowest one that has not had its turn is always being computed,
// so that nobody waits for ever.
class Turns {
 public:
  template <class Merge>
  void take(std::size_t range, Merge&& merge) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&] { return next_ == range; });
    merge();
    ++next_;
    ready_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::size_t next_ = 0;
};

}  // namespace mixot
