// SPDX-License-Identifier: MIT
// C and C++ on one segment: the same types under the same names, and the same bytes.
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <process_shared/process_shared.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace process_shared {
namespace {

constexpr std::size_t size = 65536;
using texts = std::vector<std::string>;

/// Starts visitor.c, an unrelated program; its pid.
pid_t visit(const char* part, const std::string& name) {
    support::child visitor([&] {
        execl(VISITOR, VISITOR, part, name.c_str(), nullptr);
        support::check(false, "no " VISITOR);
    });
    const pid_t pid = visitor.pid();
    EXPECT_TRUE(visitor.wait_success());
    return pid;
}

std::string text_of(const std::optional<std::vector<std::byte>>& bytes) {
    return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "nothing";
}
std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(meeting, c_finds_what_cpp_made) {
    const support::segment_name name;
    auto memory = segment::create(name, size);
    auto& guard = memory.construct<mutex>("guard");
    memory.construct<recursive_mutex>("recursive");
    memory.construct<checked_mutex>("checked");
    auto& table = memory.construct<shared_mutex>("table");
    memory.construct<monitor>("monitor");
    memory.construct<condition_variable>("changed");
    memory.construct<condition_variable_any>("changed_any");
    auto& tools = memory.construct<counting_semaphore<>>("tools", 2);
    auto& flag = memory.construct<binary_semaphore>("flag", 1);
    auto& licences = memory.construct<owned_semaphore<16>>("licences", 3);
    auto& step = memory.construct<barrier<64>>("step", 2);
    auto& countdown = memory.construct<latch>("latch", 2);
    auto& ready = memory.construct<event>("event", event_reset::automatic, true);
    auto& once = memory.construct<once_flag>("once");
    auto box = object_buffer::create(memory, "box", 100);
    auto jobs = byte_channel::create(memory, "jobs", 1000, 5);
    auto bytes = shared_memory::create(memory, "bytes", 100);
    auto numbers = shared_array<int>::create(memory, "numbers", 10);

    guard.lock();
    table.lock_shared();
    licences.acquire();
    step.join();
    box.store(texts{"to the other"});
    jobs.send(bytes_of("to the other"));
    bytes.put<int>(0, 7);
    numbers[3] = 33;

    const pid_t visitor = visit("finds", name);

    guard.unlock();
    table.unlock_shared();
    table.lock();
    table.unlock();
    EXPECT_EQ(tools.value(), 5);
    EXPECT_FALSE(flag.try_acquire());
    licences.acquire();
    licences.acquire();
    EXPECT_EQ(licences.held(), 3) << "the visitor has ended, so its permit is back";
    try {
        step.arrive_and_wait();
        FAIL() << "the visitor joined, and has ended";
    } catch (const participant_died& death) {
        EXPECT_EQ(death.who().process, static_cast<std::uint32_t>(visitor));
        EXPECT_EQ(death.who().thread_name, "c_visitor");
    }
    EXPECT_FALSE(countdown.try_wait());
    countdown.count_down();
    EXPECT_TRUE(countdown.try_wait());
    EXPECT_FALSE(ready.is_set());
    EXPECT_TRUE(once.is_done());
    EXPECT_EQ(box.load<texts>(), texts{"from C"});
    EXPECT_EQ(text_of(jobs.receive()), "from C");
    EXPECT_EQ(numbers[3], 34);
}

TEST(meeting, cpp_finds_what_c_made) {
    const support::segment_name name;
    const pid_t visitor = visit("makes", name);
    auto memory = segment::open(name);

    auto& guard = memory.find<mutex>("guard");
    try {
        guard.lock();
        FAIL() << "the visitor has ended with it";
    } catch (const owner_died& death) {
        EXPECT_EQ(death.who().process, static_cast<std::uint32_t>(visitor));
        EXPECT_EQ(death.who().thread_name, "c_visitor");
    }
    guard.lock([] {});
    guard.unlock();
    EXPECT_TRUE(memory.find<recursive_mutex>("recursive").try_lock());
    EXPECT_TRUE(memory.find<checked_mutex>("checked").try_lock());
    EXPECT_TRUE(memory.find<shared_mutex>("table").try_lock());
    EXPECT_TRUE(memory.find<monitor>("monitor").try_lock());
    memory.find<condition_variable>("changed").notify_all();
    memory.find<condition_variable_any>("changed_any").notify_all();
    EXPECT_EQ(memory.find<counting_semaphore<>>("tools").value(), 2);
    EXPECT_EQ(memory.find<binary_semaphore>("flag").value(), 1);
    auto& licences = memory.find<owned_semaphore<16>>("licences");
    EXPECT_EQ(licences.value(), 3);
    licences.acquire();
    EXPECT_EQ(licences.held(), 1);
    auto& step = memory.find<barrier<64>>("step");
    EXPECT_EQ(step.expected(), 2);
    step.join();
    step.arrive_and_drop();
    auto& countdown = memory.find<latch>("latch");
    countdown.count_down(2);
    EXPECT_TRUE(countdown.try_wait());
    auto& ready = memory.find<event>("event");
    EXPECT_TRUE(ready.try_wait());
    EXPECT_FALSE(ready.try_wait()) << "an automatic one lets one pass";
    EXPECT_FALSE(memory.find<once_flag>("once").is_done());
    EXPECT_EQ(object_buffer::open(memory, "box").load<texts>(), texts{"to the other"});
    auto jobs = byte_channel::open(memory, "jobs");
    EXPECT_EQ(jobs.max_messages(), 5u);
    EXPECT_EQ(text_of(jobs.receive()), "to the other");
    EXPECT_EQ(shared_memory::open(memory, "bytes").get<int>(0), 7);
    auto numbers = shared_array<int>::open(memory, "numbers");
    EXPECT_GE(numbers.size(), 10u);
    EXPECT_EQ(numbers[3], 33);
}

}  // namespace
}  // namespace process_shared
