// SPDX-License-Identifier: MIT
// What is asked for in error, or found where a segment should be: each a clear error, in both styles, and nothing lost.
#include "contract/code_of.hpp"
#include "contract/places.hpp"
#include "seats/layout.hpp"

#include <process_shared/error.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace contract {
namespace {

using process_shared::errc;
using process_shared::segment;
using process_shared::segment_options;
using namespace std::string_view_literals;

class bad_input : public testing::Test {
protected:
    bad_input() { here.directory = place.path(); }

    [[nodiscard]] std::filesystem::path file_of(std::string_view name) const {
        return std::filesystem::path(place.path()) / ("pshared." + std::string(name));
    }
    [[nodiscard]] bool nothing_is_left() const { return std::filesystem::is_empty(place.path()); }

    /// Opening `name` fails the same way by every door.
    void expect_not_opened(std::string_view name, std::error_code expected) const {
        EXPECT_EQ(code_of([&] { segment::open(name, here); }), expected);
        EXPECT_EQ(code_of([&] { segment::open_or_create(name, 100, here); }), expected);
        std::error_code error;
        EXPECT_FALSE(segment::open(name, here, error).valid());
        EXPECT_EQ(error, expected);
        error.clear();
        EXPECT_FALSE(segment::open_or_create(name, 100, here, error).valid());
        EXPECT_EQ(error, expected);
    }

    /// A sound segment under that name, with its header open for damage.
    void make_and_damage(std::string_view name,
                         const std::function<void(process_shared::seats::header&)>& damage) const {
        segment memory = segment::create(name, 4096, here);
        void* bytes =
            mmap(nullptr, sizeof(process_shared::seats::header), PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd(), 0);
        ASSERT_NE(bytes, MAP_FAILED);
        damage(*static_cast<process_shared::seats::header*>(bytes));
        munmap(bytes, sizeof(process_shared::seats::header));
    }

    const scratch_directory place;
    segment_options here;
};

TEST_F(bad_input, names_that_are_no_names) {
    for (const auto name : {""sv, "/"sv, "a/b"sv, "../x"sv, "a/"sv, "a\0b"sv, "\0"sv, "."sv, ".."sv}) {
        const std::error_code expected = errc::bad_name;
        expect_not_opened(name, expected);
        EXPECT_EQ(code_of([&] { segment::create(name, 100, here); }), expected);
        EXPECT_EQ(code_of([&] { segment::remove(name, here); }), expected);
        std::error_code error;
        EXPECT_FALSE(segment::create(name, 100, here, error).valid());
        EXPECT_EQ(error, expected);
        EXPECT_FALSE(segment::remove(name, here, error));
        EXPECT_EQ(error, expected);
    }
    EXPECT_TRUE(nothing_is_left());
}

TEST_F(bad_input, names_that_are_too_long) {
    const std::string longest(200, 'n'), longer(201, 'n');
    EXPECT_TRUE(segment::create(longest, 100, here).valid());
    EXPECT_TRUE(segment::remove(longest, here));
    expect_not_opened(longer, errc::name_too_long);
    EXPECT_TRUE(code_of([&] { segment::create(longer, 100, here); }) == errc::name_too_long);
    EXPECT_TRUE(code_of([&] { segment::create(std::string(100'000, 'n'), 100, here); }) == errc::name_too_long);
    EXPECT_TRUE(nothing_is_left());
}

TEST_F(bad_input, sizes_that_cannot_be) {
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    for (const std::size_t bytes : {std::size_t{0}, most, most - 4095, most / 2}) {
        std::error_code error;
        EXPECT_FALSE(segment::anonymous(bytes, error).valid());
        EXPECT_TRUE(error == errc::bad_size) << bytes << ": " << error.message();
        EXPECT_FALSE(segment::create("a", bytes, here, error).valid());
        EXPECT_TRUE(error == errc::bad_size) << bytes << ": " << error.message();
        EXPECT_FALSE(segment::open_or_create("a", bytes, here, error).valid());
        EXPECT_TRUE(error == errc::bad_size) << bytes << ": " << error.message();
    }
    EXPECT_TRUE(code_of([&] { segment::anonymous(0); }) == errc::bad_size);
    EXPECT_TRUE(code_of([&] { segment::create("a", 0, here); }) == errc::bad_size);
    EXPECT_TRUE(nothing_is_left());
}

TEST_F(bad_input, options_out_of_range) {
    std::vector<segment_options> all;
    const auto add = [&](auto&& change) { change(all.emplace_back(here)); };
    for (const std::uint32_t seats : {0u, 65'001u, 0xffffffffu}) add([&](auto& how) { how.seats = seats; });
    for (const std::uint32_t names : {0u, 65'537u, 0xffffffffu}) add([&](auto& how) { how.names = names; });
    for (const auto backstop :
         {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1), std::chrono::nanoseconds::max()})
        add([&](auto& how) { how.backstop = backstop; });
    for (const auto& how : all) {
        std::error_code error;
        EXPECT_FALSE(segment::anonymous(4096, how, error).valid());
        EXPECT_TRUE(error == errc::bad_size) << error.message();
        EXPECT_FALSE(segment::create("a", 4096, how, error).valid());
        EXPECT_TRUE(error == errc::bad_size) << error.message();
        EXPECT_FALSE(segment::open_or_create("a", 4096, how, error).valid());
        EXPECT_TRUE(error == errc::bad_size) << error.message();
    }
    EXPECT_TRUE(nothing_is_left());
}

TEST_F(bad_input, largest_options_are_allowed) {
    segment_options how = here;
    how.seats = 65'000;
    how.names = 65'536;
    segment memory = segment::create("large", 4096, how);
    EXPECT_EQ(memory.seats(), 65'000u);
    memory.construct<process_shared::mutex>("lock").lock();
    EXPECT_TRUE(segment::remove("large", here));
}

TEST_F(bad_input, more_than_the_file_system_has) {
    const tiny_file_system tiny(1024 * 1024);
    if (!tiny.mounted()) GTEST_SKIP() << tiny.why_not();
    segment_options there;
    there.directory = tiny.path();
    std::error_code error;
    EXPECT_FALSE(segment::create("a", 64 * 1024 * 1024, there, error).valid());
    EXPECT_TRUE(error == errc::no_space) << error.message();
    EXPECT_TRUE(error == std::errc::no_space_on_device);
    EXPECT_TRUE(code_of([&] { segment::open_or_create("a", 64 * 1024 * 1024, there); }) == errc::no_space);
    EXPECT_TRUE(std::filesystem::is_empty(tiny.path()));

    segment fits = segment::create("a", 256 * 1024, there);
    auto* all = static_cast<char*>(fits.allocate(256 * 1024));
    std::memset(all, 1, 256 * 1024);  // no SIGBUS: it was reserved
    EXPECT_FALSE(segment::create("b", 900 * 1024, there, error).valid());
    EXPECT_TRUE(error == errc::no_space) << error.message();
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tiny.path()), {}), 1);
}

TEST_F(bad_input, directory_that_is_not_there_or_no_directory) {
    segment_options there = here;
    there.directory = place.path() + "/none";
    EXPECT_TRUE(code_of([&] { segment::create("a", 100, there); }) == std::errc::no_such_file_or_directory);
    EXPECT_TRUE(code_of([&] { segment::open("a", there); }) == std::errc::no_such_file_or_directory);
    std::ofstream(place.path() + "/file") << "text";
    there.directory = place.path() + "/file";
    EXPECT_TRUE(code_of([&] { segment::create("a", 100, there); }) == std::errc::not_a_directory);
    EXPECT_TRUE(code_of([&] { segment::open("a", there); }) == std::errc::not_a_directory);
}

TEST_F(bad_input, name_of_nothing) {
    std::error_code error;
    EXPECT_FALSE(segment::open("none", here, error).valid());
    EXPECT_TRUE(error == errc::no_such_name);
    EXPECT_TRUE(error == std::errc::no_such_file_or_directory);
    EXPECT_TRUE(code_of([&] { segment::open("none", here); }) == errc::no_such_name);
    EXPECT_FALSE(segment::remove("none", here, error));
    EXPECT_FALSE(error) << "there is nothing to remove, and that is what was wanted";
}

TEST_F(bad_input, taken_name) {
    segment first = segment::create("a", 100, here);
    first.construct<int>("n", 1);
    std::error_code error;
    EXPECT_FALSE(segment::create("a", 100, here, error).valid());
    EXPECT_TRUE(error == errc::name_taken);
    EXPECT_TRUE(code_of([&] { segment::create("a", 100, here); }) == std::errc::file_exists);
    EXPECT_EQ(segment::open("a", here).find<int>("n"), 1);
}

TEST_F(bad_input, files_that_are_no_segments) {
    std::ofstream(file_of("empty")).flush();
    std::ofstream(file_of("short")) << "pshared\n";
    std::ofstream(file_of("text")) << std::string(100'000, 'x');
    std::ofstream(file_of("zeroes")) << std::string(100'000, '\0');
    for (const auto name : {"empty"sv, "short"sv, "text"sv, "zeroes"sv}) expect_not_opened(name, errc::not_a_segment);
    EXPECT_EQ(std::filesystem::file_size(file_of("text")), 100'000u) << "it must be left as it was";
}

TEST_F(bad_input, things_that_are_no_files) {
    std::filesystem::create_directory(file_of("directory"));
    ASSERT_EQ(mkfifo(file_of("fifo").c_str(), 0600), 0);
    const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, file_of("socket").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    close(listening);
    for (const auto name : {"directory"sv, "fifo"sv, "socket"sv}) {
        std::error_code error;
        EXPECT_FALSE(segment::open(name, here, error).valid());
        EXPECT_TRUE(error) << name;
        EXPECT_FALSE(segment::open_or_create(name, 100, here, error).valid());
        EXPECT_TRUE(error) << name;
        EXPECT_TRUE(std::filesystem::exists(file_of(name)));
    }
}

TEST_F(bad_input, symbolic_link_is_not_followed) {
    segment target = segment::create("target", 4096, here);
    std::filesystem::create_symlink(file_of("target"), file_of("link"));
    std::filesystem::create_symlink(file_of("nowhere"), file_of("dangling"));
    for (const auto name : {"link"sv, "dangling"sv})
        expect_not_opened(name, std::make_error_code(std::errc::too_many_symbolic_link_levels));
    EXPECT_TRUE(code_of([&] { segment::create("dangling", 4096, here); }) == errc::name_taken);
    EXPECT_FALSE(std::filesystem::exists(file_of("nowhere")));
    EXPECT_TRUE(segment::remove("link", here));
    EXPECT_TRUE(segment::open("target", here).valid());
}

TEST_F(bad_input, truncated_segment) {
    const std::size_t whole = [&] {
        segment memory = segment::create("a", 64 * 1024, here);
        return std::filesystem::file_size(file_of("a"));
    }();
    for (const std::size_t size : {whole - 1, whole - 4096, whole / 2, sizeof(process_shared::seats::header)}) {
        std::filesystem::resize_file(file_of("a"), size);
        expect_not_opened("a", errc::damaged);
    }
    std::filesystem::resize_file(file_of("a"), sizeof(process_shared::seats::header) - 1);
    expect_not_opened("a", errc::not_a_segment);
    std::filesystem::resize_file(file_of("a"), whole + 4096);
    std::error_code error;
    EXPECT_FALSE(segment::open("a", here, error).valid());
    EXPECT_TRUE(error) << "a longer file with zeroes where the segment was";
}

TEST_F(bad_input, segment_of_another_layout_byte_order_or_boot) {
    make_and_damage("version", [](auto& head) { ++head.layout; });
    make_and_damage("order", [](auto& head) { head.byte_order = 0x04030201; });
    make_and_damage("feature", [](auto& head) { head.features = 2; });
    make_and_damage("boot", [](auto& head) { head.boot[3] ^= 1; });
    expect_not_opened("version", errc::other_layout);
    expect_not_opened("order", errc::other_layout);
    expect_not_opened("feature", errc::other_layout);
    expect_not_opened("boot", errc::other_boot);
}

TEST_F(bad_input, headers_that_contradict_themselves) {
    using header = process_shared::seats::header;
    const std::vector<std::function<void(header&)>> damages = {
        [](header& head) { head.seats = 0; },
        [](header& head) { head.seats = 65'001; },
        [](header& head) { ++head.seats; },
        [](header& head) { head.names = 0; },
        [](header& head) { head.names = 0xffffffff; },
        [](header& head) { head.registry += 64; },
        [](header& head) { head.directory -= 64; },
        [](header& head) { head.heap = ~std::uint64_t{0}; },
        [](header& head) { head.heap = 0; },
        [](header& head) { head.file_size += 4096; },
        [](header& head) { head.file_size = 0; },
        [](header& head) { head.heap_size = ~std::uint64_t{0}; },
        [](header& head) { head.heap_size = head.heap_size + 16; },
        [](header& head) { head.heap_size = head.heap_size - 1; },
        [](header& head) { head.growing = 1, head.reservation = 1; },
        [](header& head) { head.growing = 1, head.reservation = ~std::uint64_t{0}; },
    };
    for (std::size_t i = 0; i < damages.size(); ++i) {
        const std::string name = "damage " + std::to_string(i);
        make_and_damage(name, damages[i]);
        SCOPED_TRACE(name);
        expect_not_opened(name, errc::damaged);
    }
}

TEST_F(bad_input, segment_of_another_user) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
    segment::create("a", 4096, here);
    ASSERT_EQ(chown(file_of("a").c_str(), 12345, 12345), 0);
    expect_not_opened("a", errc::not_yours);
    EXPECT_TRUE(code_of([&] { segment::open("a", here); }) == std::errc::permission_denied);
}

TEST_F(bad_input, descriptors_that_are_no_segments) {
    std::error_code error;
    EXPECT_FALSE(segment::from_fd(-1, error).valid());
    EXPECT_TRUE(error == std::errc::bad_file_descriptor) << error.message();
    EXPECT_TRUE(code_of([&] { segment::from_fd(1 << 20); }) == std::errc::bad_file_descriptor);

    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    EXPECT_TRUE(code_of([&] { segment::from_fd(ends[0]); }) == errc::not_a_segment);
    close(ends[0]);
    close(ends[1]);
    const int text = memfd_create("text", MFD_CLOEXEC);
    ASSERT_EQ(write(text, std::string(5000, 'x').data(), 5000), 5000);
    EXPECT_TRUE(code_of([&] { segment::from_fd(text); }) == errc::not_a_segment);
    close(text);
    std::ofstream(place.path() + "/readonly") << std::string(5000, 'x');
    const int readonly = open((place.path() + "/readonly").c_str(), O_RDONLY);
    EXPECT_TRUE(code_of([&] { segment::from_fd(readonly); }));
    close(readonly);
}

TEST_F(bad_input, errors_name_what_they_are_about) {
    const auto text_of = [](const std::function<void()>& operation) {
        try {
            operation();
        } catch (const std::system_error& failure) {
            return std::string(failure.what());
        }
        return std::string();
    };
    EXPECT_NE(text_of([&] { segment::open("missing", here); }).find("missing"), std::string::npos);
    EXPECT_NE(text_of([&] { segment::open("a/b", here); }).find("a/b"), std::string::npos);
    std::ofstream(file_of("text")) << std::string(100'000, 'x');
    EXPECT_NE(text_of([&] { segment::open("text", here); }).find("not a segment"), std::string::npos);
}

TEST_F(bad_input, failures_leave_no_descriptor_open) {
    std::ofstream(file_of("text")) << std::string(100'000, 'x');
    const auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    const auto before = open_files();
    std::error_code error;
    for (int i = 0; i < 10; ++i) {
        segment::open("text", here, error);
        segment::open("none", here, error);
        segment::create("text", 4096, here, error);
        segment::from_fd(0, error);
        segment::anonymous(4096, error);
    }
    EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace contract
