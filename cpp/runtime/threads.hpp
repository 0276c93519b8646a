// How many threads a call may use, and the one loop that uses them.
//
// Which worker runs which task is left to chance; a task's result must not depend on it. Sums that tasks leave behind
// are added up by the caller in task order, so results are the same for any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fusedloss::runtime {

/// The container's CPU quota in whole CPUs, rounded up; nothing if there is none. `root` stands before /proc and /sys,
/// for tests.
std::optional<int> cgroup_quota(const std::string& root = "");

/// What this process may use: the least of its CPU affinity, its container's quota and OMP_NUM_THREADS; at least 1.
/// Read once.
int available_threads();

/// The number of threads that a large call from this thread uses, in order of precedence:
/// 1. a limit in effect on this thread (threadpoolctl, omp_set_num_threads), that is, fewer OpenMP threads than the
///    environment says, lowers what follows; more of them never raise it;
/// 2. the last `set_num_threads` of the process, even above OMP_NUM_THREADS;
/// 3. `available_threads()`.
int num_threads();

/// For the whole process; n is brought into [1, max_threads]. Returns the setting it replaces, for those who put it
/// back.
constexpr int max_threads = 1024;
int set_num_threads(int n);

/// The workers that a call of `count` tasks of about `nanoseconds_each` is worth: `num_threads()`, or 1 if it is too
/// short to pay for waking the others, or if teams have lost time of late because others keep the cores busy (a call
/// of `set_num_threads` makes it try again at once), or if threads cannot be had here: inside a parallel region of
/// somebody else, or in a process that was forked by a thread that had started a team (the runtime library would wait
/// for threads that no longer exist).
int team_size(std::int64_t count, double nanoseconds_each) noexcept;

namespace detail {
using Range = void (*)(const void* body, std::int64_t begin, std::int64_t end, int worker);
void run(std::int64_t count, double nanoseconds_each, int team, Range range, const void* body) noexcept;
}  // namespace detail

/// Calls body(index, worker) once for each index of [0, count), 0 <= worker < team, in the default floating-point
/// environment. `team` comes from `team_size`, asked once, so that scratch memory that was sized by it fits even if
/// another thread changes the number of threads in between. `body` must not throw.
template <class Body>
void parallel_for(std::int64_t count, double nanoseconds_each, int team, const Body& body) noexcept {
  const detail::Range range = [](const void* context, std::int64_t begin, std::int64_t end, int worker) {
    const Body& each = *static_cast<const Body*>(context);
    for (std::int64_t index = begin; index < end; ++index) each(index, worker);
  };
  detail::run(count, nanoseconds_each, team, range, &body);
}

/// The same for bodies without scratch memory per worker.
template <class Body>
void parallel_for(std::int64_t count, double nanoseconds_each, const Body& body) noexcept {
  parallel_for(count, nanoseconds_each, team_size(count, nanoseconds_each), body);
}

}  // namespace fusedloss::runtime
