// Blocks of work over std::thread. Threads are started for each call, unless a crew (crew.hpp) stands by: most calls that
// are worth threads last far longer than starting them.
#pragma once
#include <atomic>
#include <cstddef>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "machine/crew.hpp"
#include "machine/interrupt.hpp"

namespace mixot {

// body(block, worker) for block = 0 .. blocks-1, worker = 0 .. threads-1; blocks are handed out as workers get free.
// The first exception stops the hand-out and is rethrown here; Ctrl-C is one (interrupt.hpp), heard between two blocks of
// the calling thread, worker 0.
template <class Body>
void parallel_blocks(std::size_t blocks, std::size_t threads, Body&& body) {
  if (threads > blocks) threads = blocks;
  if (threads <= 1) {
    for (std::size_t block = 0; block < blocks; ++block) {
      body(block, std::size_t{0});
      look_for_interrupt();
    }
    return;
  }
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> failures(threads);
  auto work = [&](std::size_t worker) {
    try {
      for (std::size_t block; (block = next.fetch_add(1)) < blocks;) {
        body(block, worker);
        if (worker == 0) look_for_interrupt();
      }
    } catch (...) {
      failures[worker] = std::current_exception();
      next = blocks;
    }
  };
  if (Crew* crew = Crew::current()) {
    crew->call(threads, work);
  } else {
    std::vector<std::thread> members;
    members.reserve(threads - 1);
    try {
      for (std::size_t worker = 1; worker < threads; ++worker) members.emplace_back(work, worker);
    } catch (const std::system_error&) {
      // The system gives no more threads: those that run share the blocks.
    }
    work(0);
    for (auto& member : members) member.join();
  }
  for (auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace mixot
