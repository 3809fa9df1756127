// SPDX-License-Identifier: MIT
// The registry: seats are claimed once, told from their earlier sitters, and swept when their sitter is dead.
#include "seats/registry.hpp"

#include "seats/held.hpp"
#include "seats/obituary.hpp"
#include "seats/owner_word.hpp"
#include "segment/segment_state.hpp"
#include "support/await.hpp"

#include <process_shared/error.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace process_shared::seats;
namespace platform = process_shared::platform;
using process_shared::errc;
using process_shared::segment;

constexpr std::uint32_t seat_count = 4;

/// A thread that claims a seat, does something there, and ends when told: dead, whatever it did.
class sitter {
public:
    sitter(const view& in, const lock_file& file, std::function<void(participant_id, seat&)> work = {})
        : thread_([this, &in, file, work = std::move(work)] {
              pthread_setname_np(pthread_self(), "the_sitter");
              try {
                  const participant_id mine = claim(in, file);
                  if (work) work(mine, in.seat_at(seat_of(mine)));
                  me_ = mine;
              } catch (const std::system_error& failure) {
                  error_ = failure.code();
              }
              seated_ = true;
              EXPECT_TRUE(support::await([&] { return end_.load(); }));
          }) {
        EXPECT_TRUE(support::await([&] { return seated_.load(); }));
    }
    ~sitter() { die(); }
    void die() {
        end_ = true;
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] participant_id id() const { return me_; }
    [[nodiscard]] std::error_code error() const { return error_; }

private:
    participant_id me_ = 0;
    std::error_code error_;
    std::atomic<bool> seated_{false}, end_{false};
    std::thread thread_;
};

class registry : public testing::Test {
protected:
    registry() {
        platform::file_facts facts;
        EXPECT_FALSE(platform::facts(memory.fd(), facts));
        file = {memory.fd(), facts.id};
    }
    static process_shared::segment_options few() {
        process_shared::segment_options how;
        how.seats = seat_count;
        return how;
    }
    [[nodiscard]] seat_state state_at(std::uint32_t index) const { return state_of(in.seat_at(index).state.load()); }
    [[nodiscard]] held_entry entry_of(std::uint64_t& word) const {
        return make_entry(lock_kind::mutex, static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(&word) - in.base));
    }
    [[nodiscard]] static std::atomic<std::uint64_t>& atomic(std::uint64_t& word) {
        return reinterpret_cast<std::atomic<std::uint64_t>&>(word);
    }
    /// One who says to hold `word`, and does if `value_of` says so.
    [[nodiscard]] std::unique_ptr<sitter> holder(std::uint64_t& word,
                                                 std::function<std::uint64_t(participant_id)> value_of) {
        return std::make_unique<sitter>(in, file, [this, &word, value_of](participant_id me, seat& mine) {
            EXPECT_TRUE(push_held(mine, entry_of(word)) || push_held_anywhere(mine, entry_of(word)));
            atomic(word) = value_of(me);
        });
    }
    segment memory = segment::anonymous(4096, few());
    const view& in = process_shared::segment_access::state_of(memory).mapped;
    lock_file file;
    std::array<std::uint64_t, 8>& words = *static_cast<std::array<std::uint64_t, 8>*>([this] {
        // In a thread that ends, so that this one has no seat.
        void* made = nullptr;
        std::thread([&] { made = memory.allocate(sizeof(std::array<std::uint64_t, 8>)); }).join();
        return made;
    }());
};

TEST_F(registry, living_sitters_have_different_seats_and_full_is_full) {
    std::vector<std::unique_ptr<sitter>> all;
    std::set<std::uint32_t> seats;
    for (std::uint32_t i = 0; i < seat_count; ++i) {
        all.push_back(std::make_unique<sitter>(in, file));
        EXPECT_NE(all.back()->id(), 0u);
        EXPECT_LT(seat_of(all.back()->id()), seat_count);
        EXPECT_TRUE(seats.insert(seat_of(all.back()->id())).second);
        EXPECT_FALSE(is_dead(in, all.back()->id()));
    }
    const sitter one_too_many(in, file);
    EXPECT_TRUE(one_too_many.error() == errc::seats_full);
}

TEST_F(registry, seats_of_the_dead_go_to_others_under_a_new_generation) {
    std::set<participant_id> seen;
    for (int i = 0; i < 20; ++i) {
        sitter one(in, file);
        EXPECT_FALSE(one.error()) << one.error().message();
        EXPECT_TRUE(seen.insert(one.id()).second);
        one.die();
        EXPECT_TRUE(is_dead(in, one.id()));
    }
    for (const participant_id former : seen) EXPECT_TRUE(is_dead(in, former)) << "whoever sits there now";
}

TEST_F(registry, who_never_was_is_dead) {
    EXPECT_TRUE(is_dead(in, 0));
    EXPECT_TRUE(is_dead(in, make_id(0, 12345)));
    EXPECT_TRUE(is_dead(in, make_id(seat_count, 1)));
    EXPECT_TRUE(is_dead(in, make_id(0xfffe, generation_mask)));
    EXPECT_EQ(token_word(in, make_id(seat_count, 1)), nullptr);
}

TEST_F(registry, place_of_a_token_outside_its_seat_is_not_believed) {
    const sitter one(in, file);
    std::atomic<std::uint32_t>& place = in.seat_at(seat_of(one.id())).token_word;
    const std::uint32_t good = place;
    for (const std::uint32_t bad : {61u, 64u, 2u, 0xfffffffcu}) {
        place = bad;
        EXPECT_EQ(token_word(in, one.id()), nullptr) << bad;
    }
    place = good;
    EXPECT_FALSE(is_dead(in, one.id()));
}

TEST_F(registry, leaving_is_for_those_who_hold_nothing) {
    sitter one(in, file, [&](participant_id me, seat& mine) {
        ASSERT_TRUE(push_held(mine, entry_of(words[0])));
        EXPECT_FALSE(leave(in, me));
        pop_held(mine, entry_of(words[0]));
        EXPECT_TRUE(leave(in, me));
        EXPECT_EQ(state_of(mine.state), seat_state::leaving);
        EXPECT_FALSE(is_dead(in, me)) << "not before its end";
    });
    one.die();
    EXPECT_TRUE(is_dead(in, one.id()));
}

TEST_F(registry, sweep_frees_the_dead_and_leaves_the_living_alone) {
    sitter one(in, file);
    const std::uint32_t index = seat_of(one.id());
    sweep(in, one.id());
    EXPECT_EQ(state_at(index), seat_state::taken);
    one.die();
    sweep(in, one.id());
    EXPECT_EQ(state_at(index), seat_state::free);
    const sitter next(in, file);
    sweep(in, one.id());
    EXPECT_FALSE(is_dead(in, next.id())) << "an old sweep must not harm the next sitter";
}

TEST_F(registry, sweep_abandons_what_the_dead_held_and_nothing_else) {
    const participant_id stranger = make_id(3, 999);
    const auto held = holder(words[0], [](participant_id me) { return me; });
    const auto contended_one = holder(words[1], [](participant_id me) { return me | contended; });
    const auto repaired = holder(words[2], [](participant_id me) { return me | abandoned | repairing; });
    const auto intended = holder(words[3], [&](participant_id) { return stranger | contended; });
    for (const auto& one : {held.get(), contended_one.get(), repaired.get(), intended.get()}) {
        one->die();
        sweep(in, one->id());
    }
    EXPECT_EQ(words[0], held->id() | abandoned);
    EXPECT_EQ(words[1], contended_one->id() | abandoned | contended);
    EXPECT_EQ(words[2], repaired->id() | abandoned);
    EXPECT_EQ(words[3], stranger | contended) << "it was only about to take it";
}

TEST_F(registry, entries_that_are_no_locks_of_the_segment_are_passed_over) {
    const std::uint64_t before = words[0];
    sitter one(in, file, [&](participant_id, seat& mine) {
        const held_entry bad[] = {make_entry(lock_kind::none, offset_of(entry_of(words[0]))),
                                  make_entry(static_cast<lock_kind>(200), offset_of(entry_of(words[0]))),
                                  make_entry(lock_kind::mutex, offset_of(entry_of(words[0])) + 1),
                                  make_entry(lock_kind::mutex, in.size),
                                  make_entry(lock_kind::mutex, in.size - 4),
                                  make_entry(lock_kind::mutex, (std::uint64_t{1} << 56) - 8),
                                  ~held_entry{0}};
        std::size_t i = 0;
        for (const held_entry entry : bad) mine.held[i++] = entry;
    });
    one.die();
    sweep(in, one.id());
    EXPECT_EQ(words[0], before);
    EXPECT_EQ(state_at(seat_of(one.id())), seat_state::free);
}

TEST_F(registry, many_sweepers_at_once_leave_what_one_would) {
    for (int round = 0; round < 50; ++round) {
        words[0] = 0;
        const auto one = holder(words[0], [](participant_id me) { return me | contended; });
        one->die();
        std::vector<std::thread> sweepers;
        for (int i = 0; i < 4; ++i) sweepers.emplace_back([&] { sweep(in, one->id()); });
        for (auto& thread : sweepers) thread.join();
        ASSERT_EQ(words[0], one->id() | abandoned | contended);
        ASSERT_EQ(state_at(seat_of(one->id())), seat_state::free);
    }
}

TEST_F(registry, range_is_named_by_the_living_or_swept) {
    const std::uint64_t begin = offset_of(entry_of(words[0]));
    EXPECT_FALSE(sweep_range(in, begin, begin + 64));
    const auto one = holder(words[1], [](participant_id me) { return me; });
    EXPECT_TRUE(sweep_range(in, begin, begin + 64));
    EXPECT_TRUE(sweep_range(in, begin + 8, begin + 16));
    EXPECT_FALSE(sweep_range(in, begin, begin + 8));
    EXPECT_FALSE(sweep_range(in, begin + 16, begin + 64));
    one->die();
    EXPECT_FALSE(sweep_range(in, begin, begin + 64));
    EXPECT_EQ(words[1], one->id() | abandoned);
}

TEST_F(registry, half_claimed_seat_is_taken_only_when_its_claimer_is_gone) {
    platform::byte_lock claimer;
    ASSERT_EQ(claimer.try_lock(file.file, file.id, 0), platform::byte_lock::result::locked);
    in.seat_at(0).state = make_state(seat_state::claiming, 77);
    EXPECT_NE(seat_of(sitter(in, file).id()), 0u) << "somebody is at it";

    in.seat_at(1).state = make_state(seat_state::claiming, 77);
    const sitter heir(in, file);
    EXPECT_EQ(seat_of(heir.id()), 1u) << "nobody has its byte lock";
    EXPECT_NE(generation_of(heir.id()), 77u);
}

TEST_F(registry, seat_claimed_without_a_byte_lock_is_lost_when_its_claimer_is) {
    for (std::uint32_t i = 0; i + 1 < seat_count; ++i) in.seat_at(i).state = make_state(seat_state::unguarded, 5);
    const sitter last(in, file);
    EXPECT_EQ(seat_of(last.id()), seat_count - 1);
    const sitter none(in, file);
    EXPECT_TRUE(none.error() == errc::seats_full);
}

TEST_F(registry, claims_work_without_a_file_to_lock) {
    const sitter one(in, lock_file{});
    EXPECT_FALSE(one.error()) << one.error().message();
    EXPECT_FALSE(is_dead(in, one.id()));
    EXPECT_EQ(state_at(seat_of(one.id())), seat_state::taken);
}

TEST_F(registry, sitter_is_described_while_it_sits_and_after) {
    const auto one = holder(words[0], [](participant_id me) { return me; });
    const auto expect_known = [&](const char* when) {
        const process_shared::participant_name who = describe(in, one->id());
        EXPECT_EQ(who.process, static_cast<std::uint32_t>(getpid())) << when;
        EXPECT_EQ(who.thread_name, "the_sitter") << when;
        EXPECT_EQ(who.seat, seat_of(one->id())) << when;
        EXPECT_EQ(who.generation, generation_of(one->id())) << when;
    };
    expect_known("alive");
    one->die();
    expect_known("dead");
    sweep(in, one->id());
    for (int i = 0; i < 5; ++i) sitter(in, file);
    expect_known("its seat taken by others");
}

TEST_F(registry, who_is_not_known_any_more_has_a_seat_and_no_name) {
    const process_shared::participant_name who = describe(in, make_id(2, 12345));
    EXPECT_EQ(who.seat, 2u);
    EXPECT_EQ(who.generation, 12345u);
    EXPECT_EQ(who.process, 0u);
    EXPECT_TRUE(who.thread_name.empty());
    EXPECT_EQ(describe(in, make_id(60'000, 1)).process, 0u);
}

TEST_F(registry, obituaries_are_kept_until_the_ring_comes_round) {
    std::vector<participant_id> dead;
    for (std::uint32_t i = 0; i < obituary_count + 3; ++i) {
        const auto one = holder(words[0], [](participant_id me) { return me; });
        one->die();
        sweep(in, one->id());
        sweep(in, one->id());
        dead.push_back(one->id());
        words[0] = 0;
    }
    std::set<participant_id> kept;
    for (const obituary& notice : in.header().obituaries)
        if (const auto record = read_obituary(notice)) {
            EXPECT_TRUE(kept.insert(record->id).second) << "one for each death";
            EXPECT_EQ(record->locks, 1u);
        }
    EXPECT_EQ(kept, std::set<participant_id>(dead.begin() + 3, dead.end()));
}

TEST_F(registry, half_written_obituaries_are_ignored) {
    const auto one = holder(words[0], [](participant_id me) { return me; });
    one->die();
    sweep(in, one->id());
    obituary& notice = in.header().obituaries[0];
    ASSERT_TRUE(read_obituary(notice).has_value());
    notice.thread.fetch_add(1);
    EXPECT_FALSE(read_obituary(notice).has_value());
}

}  // namespace
