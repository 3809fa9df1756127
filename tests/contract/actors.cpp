// SPDX-License-Identifier: MIT
#include "contract/actors.hpp"

#include "support/role.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#define CONTRACT_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CONTRACT_UNDER_TSAN 1
#endif
#endif

namespace contract {
namespace {

#if defined(CONTRACT_UNDER_TSAN)
constexpr bool one_mapping = true;
#else
constexpr bool one_mapping = false;
#endif

void play_in(segment own, const std::string& part, unsigned index) { play(part, own, index); }

/// Before the first lock: a seat remembers the name that its thread had when it sat down.
void take_name() { pthread_setname_np(pthread_self(), actor_name); }

class thread_performer final : public performer {
public:
    thread_performer(home& at, actor_state& mine, std::string part, unsigned index)
        : mine_(mine), thread_([this, &at, part = std::move(part), index] {
              try {
                  take_name();
                  if (one_mapping)
                      play(part, at.memory(), index);
                  else
                      play_in(at.again(), part, index);
              } catch (...) {
                  failure_ = std::current_exception();
              }
          }) {}
    ~thread_performer() override {
        if (thread_.joinable()) die();
    }
    void die() override {
        mine_.told = cue::leave;
        thread_.join();
    }
    testing::AssertionResult finished() override {
        thread_.join();
        if (!failure_) return testing::AssertionSuccess();
        try {
            std::rethrow_exception(failure_);
        } catch (const std::exception& failure) {
            return testing::AssertionFailure() << failure.what();
        }
    }
    std::uint32_t process() const override { return static_cast<std::uint32_t>(getpid()); }
    void signal(int) override { FAIL() << "signals are for processes"; }

private:
    actor_state& mine_;
    std::exception_ptr failure_;
    std::thread thread_;
};

class process_performer final : public performer {
public:
    explicit process_performer(support::child process) : process_(std::move(process)) {}
    void die() override { process_.kill(); }
    testing::AssertionResult finished() override { return process_.wait_success(); }
    std::uint32_t process() const override { return static_cast<std::uint32_t>(process_.pid()); }
    void signal(int number) override { process_.signal(number); }

private:
    support::child process_;
};

support::child fork_to_play(const home& at, const std::string& part, unsigned index) {
    return support::child([&] {
        take_name();
        play_in(at.again(), part, index);  // beside the mapping that it inherits
    });
}

const support::role plays_a_part("plays_a_part", [](const support::role::words& words) {
    take_name();
    play_in(home::found(words.at(0)), words.at(1), static_cast<unsigned>(std::stoul(words.at(2))));
});

support::child exec_to_play(home& at, const std::string& part, unsigned index) {
    const int passed = fcntl(at.memory().fd(), F_DUPFD, 0);  // not closed by exec, unlike the segment's own
    support::child started = plays_a_part.start({at.word(passed), part, std::to_string(index)});
    close(passed);
    return started;
}

constexpr std::string_view by_name = "name:";
constexpr std::string_view by_descriptor = "fd:";

}  // namespace

home::home(home_kind kind, const segment_options& how)
    : kind_(kind),
      memory_(kind == home_kind::named ? segment::create(name_, 64 * 1024, how) : segment::anonymous(64 * 1024, how)) {}

segment home::again() const {
    return kind_ == home_kind::named ? segment::open(name_) : segment::from_fd(memory_.fd());
}

std::string home::word(int descriptor) const {
    return kind_ == home_kind::named ? std::string(by_name) + name_.str()
                                     : std::string(by_descriptor) + std::to_string(descriptor);
}

segment home::found(const std::string& word) {
    if (word.starts_with(by_name)) return segment::open(word.substr(by_name.size()));
    return segment::from_fd(std::stoi(word.substr(by_descriptor.size())));
}

std::unique_ptr<performer> start(actor_kind kind, home& at, actor_state& mine, const std::string& part,
                                 unsigned index) {
    if (kind == actor_kind::thread) return std::make_unique<thread_performer>(at, mine, part, index);
    return std::make_unique<process_performer>(kind == actor_kind::forked ? fork_to_play(at, part, index)
                                                                          : exec_to_play(at, part, index));
}

}  // namespace contract
