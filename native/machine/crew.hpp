// Threads that stay for many short calls, where starting them anew would take as long as the work.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace mixot {

// While it lives, parallel_blocks (parallel.hpp) in the thread that made it hands its blocks to these members. They end
// with it: none is left behind for a process that forks.
class Crew {
 public:
  // So many threads, of which the caller is one; fewer where the system gives no more.
  explicit Crew(std::size_t threads) : outer_(current()) {
    members_.reserve(threads);
    try {
      for (std::size_t worker = 1; worker < threads; ++worker) members_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error&) {
      // Those that run share the blocks.
    }
    current() = this;
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    current() = outer_;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
      ++call_;
    }
    wake_.notify_all();
    for (std::thread& member : members_) member.join();
  }

  // That of this thread, or null.
  static Crew*& current() {
    static thread_local Crew* crew = nullptr;
    return crew;
  }

  // work(worker) by the caller, as worker 0, and by whoever of workers 1 .. threads-1 comes before it has returned: work
  // that is shared out until none is left is then complete. It must not throw.
  void call(std::size_t threads, const std::function<void(std::size_t)>& work) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      wanted_ = threads;
      ++call_;
    }
    wake_.notify_all();
    work(0);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      work_ = nullptr;
    }
    while (busy_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  }

 private:
  static constexpr int patience = 100;  // looks for the next call before a member goes to sleep

  void serve(std::size_t worker) {
    for (std::uint64_t seen = 0;;) {
      for (int look = 0; look < patience && call_.load(std::memory_order_acquire) == seen; ++look)
        std::this_thread::yield();
      const std::function<void(std::size_t)>* work;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return call_ != seen; });
        seen = call_;
        if (over_) return;
        work = work_;
        if (!work || worker >= wanted_) continue;
        busy_.fetch_add(1, std::memory_order_relaxed);
      }
      (*work)(worker);
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  Crew* const outer_;
  std::vector<std::thread> members_;
  std::mutex mutex_;
  std::condition_variable wake_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t wanted_ = 0;
  std::atomic<std::uint64_t> call_{0};
  std::atomic<int> busy_{0};
  bool over_ = false;
};

}  // namespace mixot
