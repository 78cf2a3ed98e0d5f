#include "sim/search/workload_space.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mocks/scripted_user.hpp"

namespace aivp::sim {

namespace {

payload varied_text(const std::string& text, random_stream& stream) {
    static constexpr std::string_view odd[] = {"", " ", "0", "null", "\xc3\xa4\xf0\x9f\x90\x9d", "a\nb", "../x"};
    const std::uint64_t what = stream.below(8);
    if (what == 0) return payload::of_string(odd[stream.below(std::size(odd))]);
    if (what == 1) return payload::of_string(text + text);
    return payload::of_string("x" + std::to_string(stream.below(1'000'000)));
}

payload varied_number(std::int64_t n, random_stream& stream) {
    switch (stream.below(6)) {
    case 0: return payload::of_integer(0);
    case 1: return payload::of_integer(stream.between(-1000, -1));
    case 2: return payload::of_integer(n / 2);
    case 3: return payload::of_integer(stream.between(1, 1'000'000'000));
    default: return payload::of_integer(stream.between(1, 1000));
    }
}

} // namespace

payload varied(const payload& value, random_stream& stream) {
    if (value.is_object()) {
        auto all = members(value);
        for (auto& [key, inner] : all) inner = varied(inner, stream);
        return payload::of_object(std::move(all));
    }
    if (value.is_array()) {
        auto all = items(value);
        for (payload& inner : all) inner = varied(inner, stream);
        return payload::of_array(all);
    }
    // Most parts stay as they are: what was written means something to the world.
    if (!stream.chance(1, 3)) return value;
    if (const auto text = as_string(value)) return varied_text(*text, stream);
    if (const auto n = as_integer(value)) return varied_number(*n, stream);
    if (const auto yes = as_bool(value)) return payload::of_bool(!*yes);
    return value;
}

bool accepts_payload(const scenario& s, const planned_trigger& t, const payload& body) {
    for (const snapshot_ptr& a : s.agents) {
        if (!t.agent.empty() && a->id != t.agent) continue;
        for (const trigger_spec& spec : a->triggers) {
            const auto* event = std::get_if<event_schedule>(&spec.when);
            const bool started = t.event.empty() ? !event : event && event->event_type == t.event;
            if (started && spec.payload_schema && !spec.payload_schema->accepts(body)) return false;
        }
    }
    return true;
}

namespace {

std::optional<payload> varied_body(const scenario& s, const planned_trigger& t, random_stream& stream) {
    if (t.body.is_null()) return std::nullopt;
    for (int i = 0; i < 4; ++i) {
        payload body = varied(t.body, stream);
        if (body != t.body && accepts_payload(s, t, body)) return body;
    }
    return std::nullopt;
}

duration varied_time(const scenario& s, const planned_trigger& t, random_stream& stream) {
    // Close together, as written and a bit, or anywhere.
    switch (stream.below(3)) {
    case 0: return milliseconds(stream.between(0, 2000));
    case 1: return std::min(s.horizon, t.after + milliseconds(stream.between(0, 60'000)));
    default: return microseconds(stream.between(0, s.horizon.us));
    }
}

void draw_trigger(const scenario& s, std::uint32_t index, std::uint64_t seed, std::vector<trigger_edit>& out) {
    const planned_trigger& t = s.triggers[index];
    random_stream stream(seed, "swarm", "trigger", std::to_string(index));
    trigger_edit e{.trigger = index, .after = {}, .times = {}, .body = {}};
    if (s.triggers.size() > 1 && stream.chance(1, 8)) {
        e.dropped = true;
        out.push_back(std::move(e));
        return;
    }
    if (t.every && stream.chance(1, 3)) e.times = 1 + stream.below(2 * std::min<std::uint64_t>(t.times, 500));
    if (stream.chance(1, 3)) e.after = varied_time(s, t, stream);
    if (!t.cancel && !t.resolve && stream.chance(1, 3)) e.body = varied_body(s, t, stream);
    if (!e.empty()) out.push_back(std::move(e));
    if (!stream.chance(1, 5)) return;
    trigger_edit more{.trigger = index, .added = true, .after = varied_time(s, t, stream), .times = 1, .body = {}};
    if (!t.cancel && !t.resolve && stream.chance(1, 2)) more.body = varied_body(s, t, stream);
    out.push_back(std::move(more));
}

std::optional<payload> varied_users(const scenario& s, std::uint64_t seed) {
    random_stream stream(seed, "swarm", "users", "");
    const auto written = member(s.users, "replies");
    if (!written || !stream.chance(1, 3)) return std::nullopt;
    std::vector<payload> replies = items(*written);
    if (replies.size() < 2) return std::nullopt;
    for (std::size_t i = replies.size() - 1; i > 0; --i) std::swap(replies[i], replies[stream.below(i + 1)]);
    replies.resize(1 + stream.below(replies.size()));
    payload users = merged(s.users, payload::of_object({{"replies", payload::of_array(replies)}}));
    if (users == s.users || !parse_user_script(users)) return std::nullopt;
    return users;
}

} // namespace

workload_edits draw_workload(const scenario& s, std::uint64_t seed) {
    workload_edits out;
    if (random_stream(seed, "swarm", "workload", "").chance(1, 2)) return out;
    for (std::uint32_t i = 0; i < s.triggers.size(); ++i) draw_trigger(s, i, seed, out.triggers);
    out.users = varied_users(s, seed);
    const auto dropped = static_cast<std::size_t>(
        std::count_if(out.triggers.begin(), out.triggers.end(), [](const trigger_edit& e) { return e.dropped; }));
    // A world in which nothing happens finds nothing.
    if (!s.triggers.empty() && dropped == s.triggers.size())
        std::erase_if(out.triggers, [](const trigger_edit& e) { return e.dropped; });
    return out;
}

} // namespace aivp::sim
