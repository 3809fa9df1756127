// SPDX-License-Identifier: MIT
// object_buffer: types that are not trivially copyable, through MessagePack.
#include <process_shared/object_buffer.hpp>

#include "expect_error.hpp"
#include "support/child.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using process_shared::errc;
using process_shared::object_buffer;

static_assert(process_shared::stored_as_is<int> && process_shared::stored_as_is<std::array<int, 4>>);
static_assert(!process_shared::stored_as_is<std::string> && !process_shared::stored_as_is<std::string_view> &&
              !process_shared::stored_as_is<const char*> && !process_shared::stored_as_is<std::span<int>> &&
              !process_shared::stored_as_is<char[6]>);

#if PROCESS_SHARED_HAS_MSGPACK

namespace {

struct measurement {
    int sensor = 0;
    double value = 0;
    MSGPACK_DEFINE(sensor, value)
};

struct station {
    std::string name;
    std::vector<measurement> seen;
    std::optional<int> height;
    MSGPACK_DEFINE_MAP(name, seen, height)
};

template <class... Bytes>
std::vector<std::byte> bytes(Bytes... values) {
    return {static_cast<std::byte>(values)...};
}

std::error_code store_message(const object_buffer& box, std::span<const std::byte> message) {
    std::error_code error;
    box.store_encoded(object_buffer::codec::msgpack, 0, message, error);
    return error;
}

}  // namespace

template <>
inline constexpr bool process_shared::stored_as_is<measurement> = false;

TEST(object_buffer_codec, containers_and_strings_come_back_equal) {
    const object_buffer box(1000);
    const std::vector<std::string> list{"a", "b"};
    support::child writer([&] { box.store(list); });
    ASSERT_TRUE(writer.wait_success());
    EXPECT_EQ(box.load<std::vector<std::string>>(), list);

    const std::map<std::string, std::tuple<int, double, std::optional<std::string>>> nested{
        {"one", {1, 1.5, "x"}}, {"two", {-2, 1e300, std::nullopt}}};
    box.store(nested);
    EXPECT_EQ((box.load<std::map<std::string, std::tuple<int, double, std::optional<std::string>>>>()), nested);
}

TEST(object_buffer_codec, structs_of_the_user_come_back_equal) {
    const object_buffer box(1000);
    box.store(station{"north", {{1, 2.5}, {2, -3.5}}, 70});
    const auto seen = box.load<station>();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->name, "north");
    ASSERT_EQ(seen->seen.size(), 2u);
    EXPECT_EQ(seen->seen[1].value, -3.5);
    EXPECT_EQ(seen->height, 70);
}

TEST(object_buffer_codec, a_literal_is_a_string) {
    const object_buffer box(100);
    box.store("hello");
    EXPECT_EQ(box.load<std::string>(), "hello");
    box.store(std::string_view("world"));
    EXPECT_EQ(box.load<std::string>(), "world");
    const char* const text = "pointer";
    box.store(text);
    EXPECT_EQ(box.load<std::string>(), "pointer");
}

TEST(object_buffer_codec, the_bytes_are_plain_messagepack) {
    const object_buffer box(100);
    box.store(std::vector<std::string>{"a", "b"});
    std::vector<std::byte> raw;
    std::error_code error;
    box.load_encoded({.type = 0, .place = {}, .other = object_buffer::codec::msgpack, .bytes = &raw}, error);
    ASSERT_FALSE(error);
    EXPECT_EQ(raw, bytes(0x92, 0xa1, 'a', 0xa1, 'b'));
}

TEST(object_buffer_codec, a_type_can_choose_messagepack) {
    const object_buffer box(100);
    box.store(measurement{3, 0.5});
    EXPECT_EQ((box.load<std::tuple<int, double>>()), std::tuple(3, 0.5));
    EXPECT_EQ(box.load<measurement>()->sensor, 3);
}

TEST(object_buffer_codec, numbers_of_other_languages_can_be_loaded_as_numbers) {
    const object_buffer box(100);
    ASSERT_FALSE(store_message(box, bytes(0xcd, 0x01, 0x02)));
    EXPECT_EQ(box.load<int>(), 258);
    EXPECT_EQ(box.load<std::uint16_t>(), 258);
    EXPECT_EQ(error_of([&] { (void)box.load<std::uint8_t>(); }), errc::cannot_decode) << "258 does not fit";
    ASSERT_FALSE(store_message(box, bytes(0xc3)));
    EXPECT_EQ(box.load<bool>(), true);
    box.store(std::string("text"));
    EXPECT_EQ(error_of([&] { (void)box.load<int>(); }), errc::cannot_decode);
}

TEST(object_buffer_codec, what_cannot_be_read_as_the_type_is_told) {
    const object_buffer box(1000);
    box.store(std::vector<std::string>{"a", "b"});
    EXPECT_EQ(error_of([&] { (void)box.load<std::vector<int>>(); }), errc::cannot_decode);
    EXPECT_EQ(error_of([&] { (void)box.load<std::string>(); }), errc::cannot_decode);
    EXPECT_EQ(error_of([&] { (void)box.load_bytes(); }), errc::wrong_type);
    EXPECT_EQ((error_of([&] { (void)box.load<std::array<int, 2>>(); })), errc::wrong_type);
    box.store(7);
    EXPECT_EQ(error_of([&] { (void)box.load<std::string>(); }), errc::wrong_type);
    std::string target;
    std::error_code error;
    EXPECT_FALSE(box.load_into(target, error));
    EXPECT_EQ(error, errc::wrong_type);
}

TEST(object_buffer_codec, a_message_that_lies_about_its_length_is_refused_before_it_costs_memory) {
    const object_buffer box(1 << 16);
    const std::vector<std::vector<std::byte>> lies = {
        {},
        bytes(0xc1),                                            // no such thing
        bytes(0x92, 0xa1, 'a'),                                 // one element is missing
        bytes(0x91, 0xa1, 'a', 0x00),                           // one too many
        bytes(0xdd, 0xff, 0xff, 0xff, 0xff),                    // an array of 4 billion
        bytes(0xdf, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01),        // a map of 4 billion
        bytes(0xdb, 0xff, 0xff, 0xff, 0xff, 'a'),               // a string of 4 GiB
        bytes(0xc6, 0xff, 0xff, 0xff, 0xff),                    // and bytes
        bytes(0xdd, 0x7f, 0xff, 0xff, 0xff, 0xdd, 0x7f, 0xff),  // an array in an array
        std::vector<std::byte>(1 << 16, std::byte{0x91}),       // arrays in arrays without end
    };
    for (std::size_t i = 0; i < lies.size(); ++i) {
        ASSERT_FALSE(store_message(box, lies[i]));
        EXPECT_EQ(error_of([&] { (void)box.load<std::vector<std::string>>(); }), errc::cannot_decode) << i;
        EXPECT_EQ(error_of([&] { (void)box.load<std::string>(); }), errc::cannot_decode) << i;
    }
}

TEST(object_buffer_codec, a_whole_message_that_is_nested_too_deep_is_refused) {
    const object_buffer box(1 << 20);
    std::vector<std::byte> deep((1 << 20) - 1, std::byte{0x91});
    deep.push_back(std::byte{0x01});
    ASSERT_FALSE(store_message(box, deep));
    EXPECT_EQ(error_of([&] { (void)box.load<std::vector<int>>(); }), errc::cannot_decode);
}

TEST(object_buffer_codec, damaged_messages_never_do_harm) {
    const object_buffer box(200);
    box.store(station{"north", {{1, 2.5}, {2, -3.5}}, 70});
    std::vector<std::byte> message;
    std::error_code error;
    box.load_encoded({.type = 0, .place = {}, .other = object_buffer::codec::msgpack, .bytes = &message}, error);
    ASSERT_FALSE(error);
    for (std::size_t at = 0; at < message.size(); ++at) {
        for (int value = 0; value < 256; ++value) {
            std::vector<std::byte> changed = message;
            changed[at] = static_cast<std::byte>(value);
            ASSERT_FALSE(store_message(box, changed));
            const auto seen = box.load<station>(error);
            ASSERT_TRUE(seen || error == errc::cannot_decode) << at << " " << value;
        }
    }
}

TEST(object_buffer_codec, an_encoded_object_that_is_too_large_leaves_the_old_one) {
    const object_buffer box(10);
    box.store(std::string("fits"));
    EXPECT_EQ(error_of([&] { box.store(std::string(11, 'x')); }), errc::object_too_large);
    EXPECT_EQ(box.load<std::string>(), "fits");
}

#else

TEST(object_buffer_codec, needs_msgpack) { GTEST_SKIP() << "msgpack-cxx is not installed"; }

#endif
