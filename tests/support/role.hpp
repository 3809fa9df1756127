// SPDX-License-Identifier: MIT
// A part that an unrelated process plays: this test program again, started afresh by exec, so that it shares
// nothing with the test but names.
#pragma once

#include "support/child.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace support {

/// Declare it at namespace scope, in the file of the test that starts it:
///     const support::role adds_one("adds_one", [](const std::vector<std::string>& words) { … words[0] … });
///     TEST(segment, is_found_by_an_unrelated_process) {
///         auto other = adds_one.start({name});
///         EXPECT_TRUE(other.wait_success());
///     }
/// Complaints go to the test's standard error; wait_success() tells only that there were some.
class role {
public:
    using words = std::vector<std::string>;

    role(std::string name, std::function<void(const words&)> part) : name_(std::move(name)) {
        cast()[name_] = std::move(part);
    }

    [[nodiscard]] child start(const words& arguments = {}) const {
        std::vector<std::string> line = {program(), "--gtest_filter=*", marker + name_};
        line.insert(line.end(), arguments.begin(), arguments.end());
        std::vector<char*> pointers;
        for (std::string& word : line) pointers.push_back(word.data());
        pointers.push_back(nullptr);

        std::fflush(nullptr);
        const pid_t parent = getpid();
        const pid_t pid = fork();
        if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
        if (pid == 0) {
            detail::die_with(parent);
            const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // GoogleTest's banner
            dup2(nowhere, STDOUT_FILENO);
            execv(line[0].c_str(), pointers.data());
            _exit(126);
        }
        return child::adopt(pid);
    }

private:
    static constexpr const char* marker = "--role=";

    static std::map<std::string, std::function<void(const words&)>>& cast() {
        static std::map<std::string, std::function<void(const words&)>> all;
        return all;
    }

    static std::string program() {
        char path[4096];
        const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
        return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
    }

    /// Plays the part named on the command line instead of the tests.
    class stage_door : public ::testing::Environment {
        void SetUp() override {
            std::ifstream file("/proc/self/cmdline", std::ios::binary);
            const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
            words line;
            for (std::size_t at = 0; at < all.size(); at += line.back().size() + 1) line.emplace_back(all.c_str() + at);
            for (std::size_t i = 0; i < line.size(); ++i) {
                if (line[i].rfind(marker, 0) != 0) continue;
                play(line[i].substr(std::string_view(marker).size()),
                     words(line.begin() + static_cast<std::ptrdiff_t>(i) + 1, line.end()));
            }
        }

        [[noreturn]] static void play(const std::string& name, const words& arguments) {
            detail::message complaint{};
            const auto found = cast().find(name);
            const int code = found == cast().end() ? 125 : detail::play([&] { found->second(arguments); }, complaint);
            if (code != 0) std::fprintf(stderr, "role %s failed (%d): %s\n", name.c_str(), code, complaint.text);
            std::fflush(nullptr);
            _exit(code);
        }
    };
    static inline const ::testing::Environment* const door_ = ::testing::AddGlobalTestEnvironment(new stage_door);

    std::string name_;
};

}  // namespace support
