// SPDX-License-Identifier: MIT
// Processes, for Linux. Two ways to be sure that none stays: every child asks the kernel to be killed with its parent,
// and every leg is a process group that this program kills.

#include "processes.hpp"

#include "locks.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

volatile std::sig_atomic_t interrupt = 0;

void die_with_parent(int signal, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, signal);
    if (getppid() != parent) _exit(1);  // it ended before prctl
}

[[noreturn]] void run_and_exit(const std::function<void()>& body) {
    int status = 0;
    try {
        body();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "\npshared_bench: process %d: %s\n", getpid(), failure.what());
        status = 1;
    }
    _exit(status);  // nothing of the parent's is flushed or destroyed here
}

struct pipe_pair {
    int ends[2];
    pipe_pair() {
        if (pipe2(ends, O_CLOEXEC) != 0) check(errno, "pipe2");
    }
    void close_read() { close_one(ends[0]); }
    void close_write() { close_one(ends[1]); }
    ~pipe_pair() {
        close_read();
        close_write();
    }

private:
    static void close_one(int& end) {
        if (end >= 0) close(end);
        end = -1;
    }
};

}  // namespace

child::child(const std::function<void()>& body) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) check(errno, "fork");
    if (pid_ == 0) {
        die_with_parent(SIGKILL, parent);
        run_and_exit(body);
    }
}

child::child(child&& from) noexcept : pid_(std::exchange(from.pid_, 0)) {}

child::~child() {
    if (pid_ == 0) return;
    kill();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

void child::kill() { ::kill(pid_, SIGKILL); }

void child::wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0) {
        if (errno != EINTR) check(errno, "waitpid");
    }
    pid_ = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("a measured process failed");
}

void wait_until_asleep(pid_t process) {
    const std::string path = "/proc/" + std::to_string(process) + "/stat";
    for (int asleep = 0; asleep < 4;) {
        std::ifstream file(path);
        std::string line;
        std::getline(file, line);
        const auto name_end = line.rfind(") ");  // the name before it may hold anything
        if (name_end == std::string::npos) throw std::runtime_error("a measured process is gone");
        if (line[name_end + 2] == 'Z') throw std::runtime_error("a measured process ended too soon");
        asleep = line[name_end + 2] == 'S' ? asleep + 1 : 0;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

gate::gate() {
    if (pipe2(arrived_, O_CLOEXEC) != 0 || pipe2(opened_, O_CLOEXEC) != 0) check(errno, "pipe2");
}

gate::~gate() {
    for (int* end : {&arrived_[0], &arrived_[1], &opened_[0], &opened_[1]}) close_end(*end);
}

void gate::close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
}

void gate::arrive_and_wait() {
    close_end(opened_[1]);  // the last writer's close opens the gate: it must be the parent's
    if (write(arrived_[1], "", 1) != 1) check(errno, "write");
    char none;
    while (read(opened_[0], &none, 1) < 0 && errno == EINTR) {}
}

void gate::wait_for(int processes) {
    close_end(arrived_[1]);  // or the end of all children would go unnoticed here
    for (int i = 0; i < processes;) {
        char one;
        const ssize_t got = read(arrived_[0], &one, 1);
        if (got == 0) throw std::runtime_error("a measured process ended before it began");
        if (got == 1) ++i;
    }
}

void gate::open() { close_end(opened_[1]); }

bell::bell() {
    if (pipe2(ends_, O_CLOEXEC) != 0) check(errno, "pipe2");
}

bell::~bell() {
    for (const int end : ends_) close(end);
}

void bell::ring() {
    if (write(ends_[1], "", 1) != 1) check(errno, "write");
}

void bell::wait() {
    pollfd rung{ends_[0], POLLIN, 0};
    int ready = 0;
    while ((ready = poll(&rung, 1, 10'000)) < 0 && errno == EINTR) {}
    char one;
    if (ready != 1 || read(ends_[0], &one, 1) != 1) throw std::runtime_error("a measured process does not answer");
}

namespace {

std::vector<std::size_t> allowed_cores() {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) check(errno, "sched_getaffinity");
    std::vector<std::size_t> cores;
    for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &allowed)) cores.push_back(core);
    }
    return cores;
}

void restrict_to(const std::vector<std::size_t>& cores) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::size_t core : cores) CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) check(errno, "sched_setaffinity");
}

std::vector<std::size_t> first_cores(int count) {
    auto cores = allowed_cores();
    if (cores.size() > static_cast<std::size_t>(count)) cores.resize(static_cast<std::size_t>(count));
    return cores;
}

}  // namespace

void use_cores(int cores) { restrict_to(first_cores(cores)); }
void use_one_core(int cores) { restrict_to({first_cores(cores).back()}); }

std::string output_of(const std::string& program, std::initializer_list<std::string> arguments) {
    const auto path = std::filesystem::read_symlink("/proc/self/exe").replace_filename(program).string();
    std::vector<std::string> words{path};
    words.insert(words.end(), arguments);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    pipe_pair output;
    child running([&] {
        dup2(output.ends[1], STDOUT_FILENO);
        execv(path.c_str(), argv.data());
        check(errno, path.c_str());
    });
    output.close_write();
    std::string text;
    char part[256];
    for (ssize_t got; (got = read(output.ends[0], part, sizeof part)) != 0;) {
        if (got > 0) text.append(part, static_cast<std::size_t>(got));
        if (got < 0 && errno != EINTR) check(errno, "read");
    }
    running.wait();
    return text;
}

void catch_interrupts() {
    struct sigaction action{};
    action.sa_handler = [](int) { interrupt = 1; };  // no SA_RESTART: poll must return
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
    // Orphans of a leg come to this process and can be reaped; elsewhere they might stay as zombies.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

bool interrupted() { return interrupt != 0; }

namespace {

sigset_t only_termination() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    return set;
}

[[noreturn]] void be_leg(const leg& what, int out, pid_t parent) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
    // SIGTERM, as `uninterrupted` can put it off; the leg's own children are sent SIGKILL.
    die_with_parent(SIGTERM, parent);
    setpgid(0, 0);
    nlohmann::json report;
    try {
        report["values"] = what.measure();
    } catch (const std::exception& failure) {
        report["failure"] = failure.what();
    }
    const std::string text = report.dump() + '\n';
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t wrote = write(out, text.data() + sent, text.size() - sent);
        if (wrote < 0 && errno != EINTR) _exit(1);
        if (wrote > 0) sent += static_cast<std::size_t>(wrote);
    }
    _exit(0);
}

/// A line from `in`; without the newline that ends it if there was none in time.
std::string read_line(int in, std::chrono::steady_clock::time_point until) {
    std::string text;
    while (!interrupted() && (text.empty() || text.back() != '\n')) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) break;
        pollfd ready{in, POLLIN, 0};
        if (poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
        char part[4096];
        const ssize_t got = read(in, part, sizeof part);
        if (got == 0) break;
        if (got > 0) text.append(part, static_cast<std::size_t>(got));
    }
    return text;
}

void end_group(pid_t group) {
    kill(-group, SIGKILL);
    while (waitpid(group, nullptr, 0) < 0 && errno == EINTR) {}
    while (waitpid(-1, nullptr, WNOHANG) > 0) {}  // orphans that have ended by now
}

}  // namespace

void start_idle_thread() {
    std::thread([] {
        for (;;) pause();
    }).detach();
}

outcome run_leg(const leg& what) {
    pipe_pair report;
    const pid_t parent = getpid();
    const pid_t runner = fork();
    if (runner < 0) check(errno, "fork");
    if (runner == 0) {
        report.close_read();
        be_leg(what, report.ends[1], parent);
    }
    setpgid(runner, runner);  // also here: whoever comes first
    report.close_write();
    const auto text = read_line(report.ends[0], std::chrono::steady_clock::now() + what.limit);
    end_group(runner);
    if (what.clean_up) what.clean_up();

    outcome result;
    if (interrupted()) {
        result.failure = "interrupted";
    } else if (text.empty() || text.back() != '\n') {
        result.failure = "ended without a result, or not within " + std::to_string(what.limit.count()) + " s";
    } else if (const auto said = nlohmann::json::parse(text); said.contains("failure")) {
        result.failure = said["failure"].get<std::string>();
    } else {
        result.values = said["values"].get<samples>();
    }
    return result;
}

uninterrupted::uninterrupted() {
    const sigset_t set = only_termination();
    sigprocmask(SIG_BLOCK, &set, nullptr);
}
uninterrupted::~uninterrupted() {
    const sigset_t set = only_termination();
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace bench
