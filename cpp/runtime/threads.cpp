// Design:
// 1. OpenMP runs the team, because its threads are then shared with whatever else the program does with it. Without
//    OpenMP this file still compiles and everything is serial.
// 2. Every region of a process asks for the same number of threads: libgomp ends and starts threads whenever the
//    number changes. Workers without work just arrive at the end.
// 3. Work is dealt in contiguous shares, one a worker, so that a worker meets the same memory call after call; one
//    that is through with its own share takes from the others', so that a worker that wakes late or shares its core
//    does not hold up the rest.
// 4. A team ends with its last worker, so on a busy machine a call may wait much longer than it computes: an account
//    is kept of what teams gain and lose, and when they lose, calls stay on their thread for a while.
// 5. libgomp ends the whole process when it cannot start a thread, and hangs in a forked child: both are kept from
//    happening.
#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

#include "fpenv.hpp"

namespace fusedloss::runtime {
namespace {

// ---- What the machine, the container and the environment allow

#if defined(__linux__)
int affinity_threads() {
  // The kernel refuses a mask smaller than its own; 1 << 16 CPUs are beyond any kernel configuration.
  for (int cpus = CPU_SETSIZE; cpus <= 1 << 16; cpus *= 2) {
    cpu_set_t* const mask = CPU_ALLOC(cpus);
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    const int count = sched_getaffinity(0, bytes, mask) == 0 ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (count > 0) return count;
  }
  return 1;
}
#else
int affinity_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }
#endif

// The first number of OMP_NUM_THREADS (a list, one entry a nesting level), or nothing. Read from the environment and
// not from the OpenMP runtime: that one may have been loaded, and told otherwise, by another library long before.
std::optional<int> environment_threads() {
  const char* const text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return std::nullopt;
  const long n = std::strtol(text, nullptr, 10);
  if (n < 1) return std::nullopt;
  return static_cast<int>(std::min<long>(n, max_threads));
}

// CPUs that `quota` microseconds in every `period` amount to. Words instead of numbers ("max") and -1 mean no limit.
std::optional<int> whole_cpus(const std::string& quota, const std::string& period) {
  const long long q = std::strtoll(quota.c_str(), nullptr, 10), p = std::strtoll(period.c_str(), nullptr, 10);
  if (q <= 0 || p <= 0) return std::nullopt;
  return static_cast<int>(std::min<long long>(q / p + (q % p != 0), max_threads));
}

std::string first_word(const std::string& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

std::optional<int> quota_v2(const std::string& directory) {
  std::string quota, period;
  std::ifstream(directory + "/cpu.max") >> quota >> period;
  return whole_cpus(quota, period);
}

std::optional<int> quota_v1(const std::string& directory) {
  return whole_cpus(first_word(directory + "/cpu.cfs_quota_us"), first_word(directory + "/cpu.cfs_period_us"));
}

std::optional<int> lesser(std::optional<int> a, std::optional<int> b) { return !a ? b : !b ? a : std::min(*a, *b); }

// A group is bound by its ancestors' quotas too. Inside a container the path may be the one outside it: what does not
// exist is passed over, and the mount point itself, which is the container's own group there, is looked at last.
template <class Quota>
std::optional<int> quota_up_to(const std::string& mount, std::string path, const Quota& quota) {
  std::optional<int> least;
  for (;; path.resize(path.rfind('/'))) {
    if (path == "/") path.clear();
    least = lesser(least, quota(mount + path));
    if (path.rfind('/') == std::string::npos) return least;
  }
}

int detect_available_threads() {
  int n = affinity_threads();
  n = std::min(n, cgroup_quota().value_or(n));
  n = std::min(n, environment_threads().value_or(n));
#if defined(_OPENMP)
  n = std::min(n, omp_get_thread_limit());
#else
  n = 1;
#endif
  return std::clamp(n, 1, max_threads);
}

// ---- The setting of the process

std::atomic<int>& setting() {
  static std::atomic<int> threads{available_threads()};
  return threads;
}

#if defined(_OPENMP)

// What `omp_get_max_threads` says on a thread on which nobody has changed it.
int untouched_omp_threads() {
  static const int n = environment_threads().value_or(omp_get_num_procs());
  return n;
}

// ---- Teams

// Below this much work a call stays on its thread. Measured on two cores with teams asleep before each call: waking
// one and waiting for it makes 40 us of work take 53, 60 take 60 and 80 take 70 (a team that still spins costs 1.5
// us), and a further sleeper delays the caller by 1.5 us. So even a call that finds its team asleep gains from here
// on, by a tenth.
constexpr double worth_a_team_nanoseconds(int team) { return 80e3 + 2e3 * (team - 2); }

// A worker takes about this much work at a time.
constexpr double grab_nanoseconds = 10e3;

// Shares are counted, not sized, per worker only up to this number; more workers than that start in pairs, threes,
// ...
constexpr int max_shares = 64;

struct alignas(128) Share {  // two cache lines: neighbouring ones are fetched in pairs
  std::atomic<std::int64_t> next;
  std::int64_t end;
};

// The size of the team that libgomp keeps for this thread; 1 if it has not started one.
thread_local int started_team = 1;

// Whether this process was forked by a thread that had started a team.
std::atomic<bool> orphaned{false};

void watch_forks() {
#if defined(__unix__) || defined(__APPLE__)
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    if (started_team > 1) orphaned.store(true, std::memory_order_relaxed);
  });
  static_cast<void>(registered);
#endif
}

// Whether as many threads can be started at present. libgomp would end the process if not (a limit on processes, or
// on memory), so it is tried out, once for each team: that doubles the cost of starting it, and nothing after.
bool can_start(int threads) noexcept {
  std::mutex gate;
  std::vector<std::thread> tried;
  bool all = true;
  {
    const std::lock_guard<std::mutex> closed(gate);
    try {
      tried.reserve(static_cast<std::size_t>(threads));
      while (static_cast<int>(tried.size()) < threads)
        tried.emplace_back([&gate] { const std::lock_guard<std::mutex> wait(gate); });
    } catch (const std::exception&) {
      all = false;
    }
  }
  for (std::thread& thread : tried) thread.join();
  return all;
}

using Clock = std::chrono::steady_clock;

Clock::duration now() { return Clock::now().time_since_epoch(); }

// What the calling thread has computed, as against waited for a core.
Clock::duration computed() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  std::timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
#endif
  return now();
}

// What teams gained of late over one thread, less what they lost. A worker that finds its core taken is waited for
// until the scheduler's slice is over (4 to 12 ms measured with three busy processes on two cores), a hundred times
// what a small call takes. The account is per process and racy, which costs at most a wrong guess about speed.
class Account {
 public:
  bool teams_pay() const { return now().count() >= pause_end_.load(std::memory_order_relaxed); }

  void forget() {
    balance_.store(most.count(), std::memory_order_relaxed);
    pause_end_.store(Clock::duration::min().count(), std::memory_order_relaxed);
  }

  void add(Clock::duration gain) {
    const Clock::rep balance = std::min(balance_.load(std::memory_order_relaxed) + gain.count(), most.count());
    balance_.store(std::max<Clock::rep>(balance, 0), std::memory_order_relaxed);
    if (balance >= 0) return;
    const Clock::duration pause = std::min<Clock::duration>(20 * Clock::duration(-balance), std::chrono::seconds(1));
    pause_end_.store((now() + pause).count(), std::memory_order_relaxed);  // so at most a 20th of the time is lost
  }

 private:
  // Two waits are forgiven: one happens now and then on an idle machine too, where a woken worker is queued behind the
  // caller. Bygone gains do not pay for more.
  static constexpr Clock::duration most = std::chrono::milliseconds(16);
  std::atomic<Clock::rep> balance_{most.count()}, pause_end_{Clock::duration::min().count()};
};

Account account;

// Called before each region. False: no threads to be had, which is asked again after a second at the earliest.
bool start_team(int team) noexcept {
  if (team > started_team) {
    static std::atomic<Clock::rep> next_try{Clock::duration::min().count()};
    if (now().count() < next_try.load(std::memory_order_relaxed)) return false;
    watch_forks();
    if (!can_start(team - 1)) {
      next_try.store((now() + std::chrono::seconds(1)).count(), std::memory_order_relaxed);
      return false;
    }
  }
  started_team = team;
  return true;
}

std::int64_t grab_size(std::int64_t count, double nanoseconds_each, int team) {
  double grabs = 4.0 * team;
  const double enough = static_cast<double>(count) * nanoseconds_each / grab_nanoseconds;
  if (enough > grabs) grabs = enough;
  return grabs < static_cast<double>(count) ? count / static_cast<std::int64_t>(grabs) : 1;
}

#endif

}  // namespace

std::optional<int> cgroup_quota(const std::string& root) {
  const std::string groups = root + "/sys/fs/cgroup";
  std::optional<int> least;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // hierarchy:controller,controller:path, see cgroups(7)
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {
      least = lesser(least, quota_up_to(groups, path, quota_v2));
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      least = lesser(least, quota_up_to(groups + "/" + controllers, path, quota_v1));
      least = lesser(least, quota_up_to(groups + "/cpu", path, quota_v1));
    }
  }
  return least;
}

int available_threads() {
  static const int n = detect_available_threads();
  return n;
}

int num_threads() {
#if defined(_OPENMP)
  const int n = setting().load(std::memory_order_relaxed);
  const int limit = omp_get_max_threads();
  return limit < untouched_omp_threads() ? std::min(n, limit) : n;
#else
  return 1;
#endif
}

int set_num_threads(int n) {
#if defined(_OPENMP)
  account.forget();  // who asks for threads gets them
#endif
  return setting().exchange(std::clamp(n, 1, max_threads), std::memory_order_relaxed);
}

int team_size(std::int64_t count, double nanoseconds_each) noexcept {
#if defined(_OPENMP)
  const double work = static_cast<double>(count) * nanoseconds_each;
  if (count < 2 || !(work >= worth_a_team_nanoseconds(2))) return 1;  // most calls end here
  if (orphaned.load(std::memory_order_relaxed) || omp_in_parallel()) return 1;
  const int team = num_threads();
  return work >= worth_a_team_nanoseconds(team) && account.teams_pay() ? team : 1;
#else
  static_cast<void>(count);
  static_cast<void>(nanoseconds_each);
  return 1;
#endif
}

void detail::run(std::int64_t count, double nanoseconds_each, int team, Range range, const void* body) noexcept {
  if (count <= 0) return;
#if defined(_OPENMP)
  const bool same_team = team == started_team;  // starting one is not held against it
  if (team > 1 && start_team(team)) {
    const int shares = static_cast<int>(std::min<std::int64_t>({team, max_shares, count}));
    const std::int64_t grab = grab_size(count, nanoseconds_each, team);
    Share share[max_shares];
    for (int s = 0; s < shares; ++s) {
      const std::int64_t extra = count % shares;
      share[s].next.store(count / shares * s + std::min<std::int64_t>(s, extra), std::memory_order_relaxed);
      share[s].end = count / shares * (s + 1) + std::min<std::int64_t>(s + 1, extra);
    }
    const Clock::duration start = now();
    std::atomic<Clock::rep> alone{0};  // what one thread would have taken: what all of them computed
#pragma omp parallel num_threads(team)
    {
      const Clock::duration before = computed();
      const DefaultFloatingPoint environment;
      const int worker = omp_get_thread_num();
      for (int turn = 0; turn < shares; ++turn) {
        Share& mine = share[(worker + turn) % shares];
        while (mine.next.load(std::memory_order_relaxed) < mine.end) {
          const std::int64_t begin = mine.next.fetch_add(grab, std::memory_order_relaxed);
          if (begin < mine.end) range(body, begin, std::min(begin + grab, mine.end), worker);
        }
      }
      alone.fetch_add((computed() - before).count(), std::memory_order_relaxed);
    }
    if (same_team) account.add(Clock::duration(alone.load(std::memory_order_relaxed)) - (now() - start));
    return;
  }
#else
  static_cast<void>(nanoseconds_each);
  static_cast<void>(team);
#endif
  const DefaultFloatingPoint environment;
  range(body, 0, count, 0);
}

}  // namespace fusedloss::runtime
