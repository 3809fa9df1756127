// SPDX-License-Identifier: MIT
#include "child.hpp"
#include "json.hpp"
#include "support.hpp"
#include "text.hpp"

#include <process_shared/error.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <cctype>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <vector>

namespace pshared::test {
namespace {

using nlohmann::json;
using process_shared::segment;

struct counter {
    std::int64_t value = 0;
    process_shared::mutex guard;
};

class show : public command_test {
protected:
    segment memory = segment::create("tally", 4096, where);
    counter& shared = memory.construct<counter>("counter");

    /// The participant with that thread name; null if there is none.
    [[nodiscard]] json participant(const std::string& name) const {
        const json seen = json_of({"show", "tally", "--json"});
        for (const auto& each : seen["participants"])
            if (each["thread_name"] == name) return each;
        return nullptr;
    }
};

/// A process with a thread of that name which holds the lock until it is killed.
class holder {
public:
    holder(const char* name, process_shared::mutex& guard)
        : child_([this, name, &guard] {
              pthread_setname_np(pthread_self(), name);
              std::lock_guard hold(guard);
              holds_.ready_and_stay();
          }) {
        if (!holds_.await_ready()) throw std::runtime_error("the holder ended");
    }
    [[nodiscard]] pid_t id() const { return child_.id(); }
    void kill() {
        child_.kill();
        child_.wait();
    }

private:
    rendezvous holds_;
    child child_;
};

TEST_F(show, segment_with_unfenced_reads_is_refused_where_membarrier_is_missing) {
    const words there = {"show", "tally", "--directory", where.directory};
    const outcome refused = run(there, {"PROCESS_SHARED_NO_MEMBARRIER=1"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(shows(refused.err, "membarrier.2. works"));
    EXPECT_EQ(run(there, {"PROCESS_SHARED_NO_MEMBARRIER=0"}).status, 0);
}

TEST_F(show, prints_the_header_and_the_directory) {
    const auto result = pshared({"show", "tally"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with("tally\n")) << result.out;
    EXPECT_NE(result.out.find("memory    " + size_text(memory.size()) + ", "), std::string::npos) << result.out;
    ASSERT_TRUE(exists("tally"));
    EXPECT_NE(result.out.find("file      " + path_of("tally") + ", "), std::string::npos) << result.out;
    EXPECT_TRUE(shows(result.out, "ago by process " + std::to_string(getpid()) + "$")) << result.out;
    EXPECT_TRUE(shows(result.out, R"(counter +0x[0-9a-f]+ +16 B +.*counter$)")) << result.out;
}

TEST_F(show, names_holder_and_waiter_and_the_lock_between_them) {
    holder owner("holder", shared.guard);
    child waiter([&] {
        pthread_setname_np(pthread_self(), "waiter");
        std::lock_guard hold(shared.guard);
    });
    await([&] {
        const json seen = participant("waiter");
        return seen.is_object() && seen["waits_for"].is_object();
    });

    const json holds = participant("holder");
    EXPECT_EQ(holds["state"], "alive");
    EXPECT_EQ(holds["process"], owner.id());
    EXPECT_EQ(holds["thread"], owner.id());
    ASSERT_EQ(holds["holds"].size(), 1u) << holds;
    EXPECT_EQ(holds["holds"][0]["object"], "counter+8");
    EXPECT_EQ(holds["holds"][0]["kind"], "mutex");
    EXPECT_EQ(holds["holds"][0]["held"], true);
    EXPECT_TRUE(holds["waits_for"].is_null());

    const json waits = participant("waiter");
    EXPECT_EQ(waits["process"], waiter.id());
    EXPECT_EQ(waits["waits_for"]["object"], "counter+8");
    EXPECT_EQ(waits["waits_for"]["offset"], holds["holds"][0]["offset"]);
    EXPECT_GT(waits["waiting_ns"], 0);
    EXPECT_GE(waits["age_ns"], waits["waiting_ns"]);

    const auto table = pshared({"show", "tally"}).out;
    EXPECT_TRUE(shows(table, R"(holder +alive .* counter\+8 +-$)")) << table;
    EXPECT_TRUE(shows(table, R"(waiter +alive .* - +counter\+8 for [0-9])")) << table;
}

TEST_F(show, shows_what_the_dead_still_hold) {
    holder owner("doomed", shared.guard);
    owner.kill();
    const json dead = participant("doomed");  // nobody has locked since
    EXPECT_EQ(dead["state"], "dead");
    ASSERT_EQ(dead["holds"].size(), 1u) << dead;
    EXPECT_EQ(dead["holds"][0]["object"], "counter+8");
    EXPECT_EQ(dead["holds"][0]["held"], true);
    const auto table = pshared({"show", "tally"}).out;
    EXPECT_TRUE(shows(table, R"(doomed +dead .* counter\+8 +-$)")) << table;
}

TEST_F(show, tells_who_died_with_a_lock) {
    holder owner("doomed", shared.guard);
    owner.kill();
    EXPECT_THROW(shared.guard.lock(), process_shared::owner_died);  // noticed, and written down

    await([&] { return !json_of({"show", "tally", "--json"})["obituaries"].empty(); });
    const json death = json_of({"show", "tally", "--json"})["obituaries"].at(0);
    EXPECT_EQ(death["process"], owner.id());
    EXPECT_EQ(death["thread_name"], "doomed");
    EXPECT_EQ(death["locks"], 1);

    const auto table = pshared({"show", "tally"}).out;
    EXPECT_TRUE(shows(table, R"( ago +[0-9]+ +[0-9]+ +[0-9]+ +doomed +1$)")) << table;
}

TEST_F(show, lets_no_name_speak_to_the_terminal) {
    memory.construct<int>("evil\x1b[2J");
    const auto result = pshared({"show", "tally"});
    EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
    EXPECT_NE(result.out.find("evil\\x1b[2J"), std::string::npos) << result.out;
}

TEST_F(show, prints_valid_json_whatever_the_names_are) {
    memory.construct<int>("\xff\xfe\"\n");
    EXPECT_EQ(json_of({"show", "tally", "--json"})["objects"].size(), 2u);
}

TEST_F(show, is_the_element_that_list_prints) {
    const json shown = json_of({"show", "tally", "--json"});
    const json listed = json_of({"list", "--json"})["segments"].at(0);
    EXPECT_EQ(shown["uuid"], listed["uuid"]);
    for (const auto& [key, value] : shown.items()) EXPECT_TRUE(listed.contains(key)) << key;
}

/// Every key in the value and below.
void collect_keys(const json& value, std::set<std::string>& keys) {
    if (value.is_object())
        for (const auto& [key, below] : value.items()) keys.insert(key);
    if (value.is_structured())
        for (const auto& below : value) collect_keys(below, keys);
}

TEST_F(show, has_the_keys_that_the_man_page_promises) {
    holder dead("doomed", shared.guard);
    dead.kill();
    EXPECT_THROW(shared.guard.lock(), process_shared::owner_died);
    shared.guard.lock([] {});
    std::lock_guard hold(shared.guard, std::adopt_lock);
    await([&] { return !json_of({"show", "tally", "--json"})["obituaries"].empty(); });

    std::set<std::string> printed;
    collect_keys(json_of({"list", "--json"}), printed);
    const process_shared::inspect::deadlock_view circle{{{}}};
    collect_keys(json::parse(json_text(std::vector{circle})), printed);

    // In the section JSON of the page, keys are the words of ".Va" lines and of ".It Va" lines.
    std::ifstream page(PSHARED_MAN_PAGE);
    std::set<std::string> promised;
    bool inside = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with(".S")) inside = line == ".Ss JSON";
        if (!inside || (!line.starts_with(".Va") && !line.starts_with(".It Va"))) continue;
        std::istringstream words(line);
        for (std::string word; words >> word;)
            if (std::islower(static_cast<unsigned char>(word.front()))) promised.insert(word);
    }
    EXPECT_EQ(printed, promised);
}

void expect_refusal(const outcome& result, const std::string& name, const std::string& reason) {
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("pshared: cannot show '" + name + "'")) << result.err;
    EXPECT_NE(result.err.find(reason), std::string::npos) << result.err;
}

TEST_F(show, of_an_absent_segment_says_how_to_find_the_others) {
    const auto result = pshared({"show", "absent"});
    expect_refusal(result, "absent", "no object or segment of that name");
    EXPECT_NE(result.err.find("'pshared list --directory " + where.directory + "'"), std::string::npos) << result.err;
}

TEST_F(show, takes_a_name_with_the_leading_slash_of_posix) {
    const auto result = pshared({"show", "/tally"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with("tally\n")) << result.out;
}

TEST_F(show, of_a_text_file_says_that_it_is_no_segment) {
    write_file("notes", std::string(10'000, 'x'));
    expect_refusal(pshared({"show", "notes"}), "notes", "not a segment");
    write_file("empty", "");
    expect_refusal(pshared({"show", "empty"}), "empty", "not a segment");
    EXPECT_NE(pshared({"show", "empty"}).err.find("pshared remove"), std::string::npos);
}

TEST_F(show, of_a_path_asks_for_a_name) {
    const auto result = pshared({"show", path_of("tally")});
    expect_refusal(result, path_of("tally"), "names are");
    EXPECT_NE(result.err.find("--directory"), std::string::npos) << result.err;
    EXPECT_EQ(pshared({"show", "../pshared.tally"}).status, 1);
    EXPECT_EQ(pshared({"show", ""}).status, 1);
}

}  // namespace
}  // namespace pshared::test
