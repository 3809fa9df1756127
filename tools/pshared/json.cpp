// SPDX-License-Identifier: MIT
#include "json.hpp"

#include <nlohmann/json.hpp>

namespace pshared {
namespace {

using nlohmann::ordered_json;
namespace inspect = process_shared::inspect;

ordered_json to_json(const process_shared::participant_name& who) {
    return {{"seat", who.seat},
            {"generation", who.generation},
            {"process", who.process},
            {"thread", who.thread},
            {"thread_name", who.thread_name}};
}

ordered_json to_json(const inspect::lock_view& lock) {
    return {{"object", lock.object}, {"offset", lock.offset}, {"kind", lock.kind},
            {"held", lock.held},     {"shared", lock.shared}, {"permits", lock.permits}};
}

ordered_json to_json(const inspect::seat_view& seat) {
    ordered_json result = to_json(seat.who);
    result["seat"] = seat.seat;
    result["state"] = inspect::to_string(seat.state);
    result["age_ns"] = seat.age.count();
    result["holds"] = ordered_json::array();
    for (const auto& lock : seat.holds) result["holds"].push_back(to_json(lock));
    result["waits_for"] = seat.waits_for ? to_json(*seat.waits_for) : ordered_json(nullptr);
    result["waiting_ns"] = seat.waiting.count();
    return result;
}

ordered_json to_json(const inspect::object_view& object) {
    return {{"name", object.name},
            {"type", object.type},
            {"offset", object.offset},
            {"size", object.size},
            {"alignment", object.alignment}};
}

ordered_json to_json(const inspect::obituary_view& death) {
    ordered_json result = to_json(death.who);
    result["ago_ns"] = death.ago.count();
    result["locks"] = death.locks;
    return result;
}

ordered_json to_json(const inspect::deadlock_view::member& member) {
    ordered_json result = to_json(member.who);
    result["segment"] = member.segment;
    result["waits_for"] = to_json(member.waits_for);
    result["waiting_ns"] = member.waiting.count();
    return result;
}

ordered_json to_json(const inspect::segment_view& segment);

template <class View>
ordered_json array_of(const std::vector<View>& views) {
    ordered_json result = ordered_json::array();
    for (const auto& view : views) result.push_back(to_json(view));
    return result;
}

ordered_json to_json(const inspect::segment_view& segment) {
    return {{"name", segment.name},
            {"uuid", segment.uuid},
            {"layout", segment.layout},
            {"file_size", segment.file_size},
            {"size", segment.size},
            {"free", segment.free_bytes},
            {"age_ns", segment.age.count()},
            {"creator", segment.creator},
            {"backstop_ns", segment.backstop.count()},
            {"seats", segment.seats},
            {"alive", segment.alive()},
            {"dead", segment.dead()},
            {"names", segment.names},
            {"objects", array_of(segment.objects)},
            {"participants", array_of(segment.participants)},
            {"obituaries", array_of(segment.obituaries)}};
}

/// Names need not be UTF-8; JSON must be.
std::string dumped(const ordered_json& value) {
    return value.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string json_text(const inspect::segment_view& segment) { return dumped(to_json(segment)); }

std::string json_text(const std::vector<inspect::deadlock_view>& circles) {
    ordered_json all = ordered_json::array();
    for (const auto& circle : circles) all.push_back(array_of(circle.members));
    return dumped({{"deadlocks", all}});
}

std::string json_text(const std::vector<inspect::segment_view>& segments, std::string_view directory) {
    return dumped({{"directory", directory}, {"segments", array_of(segments)}});
}

}  // namespace pshared
