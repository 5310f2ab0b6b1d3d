// Independent pieces of work on threads. Each piece writes its own place, so that results do not
// depend on the number of threads.
#pragma once

#include <cstddef>
#include <functional>

namespace halfulp::laws {

/// Calls work(0) ... work(count - 1) on `jobs` threads (1: on this one). The first exception is
/// passed on when all threads have ended.
void parallel_for(std::size_t count, int jobs, const std::function<void(std::size_t)>& work);

}  // namespace halfulp::laws
