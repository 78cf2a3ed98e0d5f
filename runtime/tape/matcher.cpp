#include "aivp/tape/matcher.hpp"

#include <algorithm>

#include "runtime/tape/internal/tape_excerpt.hpp"

namespace aivp {

namespace {

// A miss is rare and told once, yet a tape may be long: what is looked at for it is bounded.
constexpr std::size_t matcher_candidates_max = 512;
constexpr std::size_t matcher_leaves_max = 1000;
constexpr std::uint32_t matcher_other_skill_weight = 1000;

bool matcher_is_matched(tape_kind k) {
    return k == tape_kind::model_call || k == tape_kind::skill_call || k == tape_kind::user_turn;
}

std::uint32_t matcher_count(const payload& recorded, const payload& live) {
    if (recorded == live) return 0;
    return static_cast<std::uint32_t>(differences(recorded, live, matcher_leaves_max).size());
}

struct matcher_distance {
    std::uint32_t differing = 0;
    std::uint32_t differing_messages = 0;
    std::uint32_t messages = 0;
};

matcher_distance matcher_compare(const tape_model_call& recorded, const tape_model_request& live,
                                 const std::vector<payload>& live_messages) {
    matcher_distance d;
    const std::vector<payload> messages = recorded.messages.messages();
    d.messages = static_cast<std::uint32_t>(std::max(messages.size(), live_messages.size()));
    for (std::size_t i = 0; i < d.messages; ++i) {
        const bool both = i < messages.size() && i < live_messages.size();
        const std::uint32_t n = both ? matcher_count(messages[i], live_messages[i]) : 1;
        d.differing += n;
        d.differing_messages += n > 0 ? 1 : 0;
    }
    d.differing += matcher_count(recorded.params, live.params);
    d.differing += recorded.model == live.model ? 0 : 1;
    if (recorded.tools_hash != live.tools.hash())
        d.differing += recorded.tools ? matcher_count(*recorded.tools, live.tools) : 1;
    return d;
}

void matcher_append(std::vector<json_difference>& out, const std::string& below, const payload& recorded,
                    const payload& live) {
    if (recorded == live || out.size() >= tape_miss_differences_max) return;
    for (json_difference& d : differences(recorded, live, tape_miss_differences_max - out.size())) {
        d.pointer = below + d.pointer;
        out.push_back(std::move(d));
    }
}

std::vector<json_difference> matcher_differences(const tape_model_call& recorded, const tape_model_request& live) {
    std::vector<json_difference> out;
    const std::vector<payload> left = recorded.messages.messages();
    const std::vector<payload> right = live.messages.messages();
    for (std::size_t i = 0; i < std::max(left.size(), right.size()) && out.size() < tape_miss_differences_max; ++i) {
        const std::string at = "/messages/" + std::to_string(i);
        if (i < left.size() && i < right.size())
            matcher_append(out, at, left[i], right[i]);
        else if (i < left.size())
            out.push_back({at, left[i], std::nullopt});
        else
            out.push_back({at, std::nullopt, right[i]});
    }
    matcher_append(out, "/model", payload::of_string(recorded.model), payload::of_string(live.model));
    matcher_append(out, "/params", recorded.params, live.params);
    if (recorded.tools_hash == live.tools.hash()) return out;
    if (recorded.tools) {
        matcher_append(out, "/tools", *recorded.tools, live.tools);
    } else {
        matcher_append(out, "/tools", payload::of_string("sha256:" + to_hex(recorded.tools_hash)),
                       payload::of_string("sha256:" + to_hex(live.tools.hash())));
    }
    return out;
}

std::string matcher_what(const tape_event& e) {
    if (const auto* m = std::get_if<tape_model_call>(&e.body)) return m->model;
    if (const auto* s = std::get_if<tape_skill_call>(&e.body)) return s->skill;
    return {};
}

} // namespace

tape_matcher::tape_matcher(const std::vector<tape_event>& events) {
    auto built = std::make_shared<index>();
    built->events = &events;
    for (const tape_event& e : events) built->lanes.push_back(e.lane);
    std::sort(built->lanes.begin(), built->lanes.end());
    built->lanes.erase(std::unique(built->lanes.begin(), built->lanes.end()), built->lanes.end());
    for (std::size_t i = 0; i < events.size(); ++i) {
        const tape_event& e = events[i];
        const std::optional<digest> key = tape_key(e);
        if (!key) continue;
        const auto lane = std::lower_bound(built->lanes.begin(), built->lanes.end(), e.lane) - built->lanes.begin();
        built->entries.push_back({static_cast<std::uint32_t>(lane), e.kind(), *key, static_cast<std::uint32_t>(i)});
        ++built->recorded[static_cast<std::size_t>(e.kind())];
    }
    std::sort(built->entries.begin(), built->entries.end());
    next_.assign(built->entries.size(), 0);
    used_.assign(events.size(), false);
    index_ = std::move(built);
}

std::optional<std::uint32_t> tape_matcher::find_lane(std::string_view lane) const {
    const auto at = std::lower_bound(index_->lanes.begin(), index_->lanes.end(), lane);
    if (at == index_->lanes.end() || *at != lane) return std::nullopt;
    return static_cast<std::uint32_t>(at - index_->lanes.begin());
}

const tape_event* tape_matcher::take(std::string_view lane, tape_kind kind, const digest& key) {
    const auto lane_index = find_lane(lane);
    if (!lane_index) return nullptr;
    const auto& entries = index_->entries;
    const auto first = std::lower_bound(entries.begin(), entries.end(), entry{*lane_index, kind, key, 0});
    const auto position = static_cast<std::size_t>(first - entries.begin());
    if (position == entries.size()) return nullptr;
    const std::size_t wanted = position + next_[position];
    if (wanted >= entries.size()) return nullptr;
    const entry& found = entries[wanted];
    if (found.lane != *lane_index || found.kind != kind || found.key != key) return nullptr;
    ++next_[position];
    used_[found.event] = true;
    ++used_count_[static_cast<std::size_t>(kind)];
    return &(*index_->events)[found.event];
}

std::uint32_t tape_matcher::count_request(std::string_view lane, tape_kind kind) {
    for (lane_count& c : requests_)
        if (c.kind == kind && c.lane == lane) return ++c.requests;
    requests_.push_back({std::string(lane), kind, 1});
    return 1;
}

// Unused before used, then fewest differences, then nearest in the order of requests.
template <class Distance>
void tape_matcher::find_nearest(tape_miss& m, Distance distance) const {
    struct candidate {
        const tape_event* event;
        bool used;
        std::uint32_t step_distance;
    };
    std::vector<candidate> candidates;
    std::uint32_t step = 0;
    for (std::size_t i = 0; i < index_->events->size(); ++i) {
        const tape_event& e = (*index_->events)[i];
        if (e.kind() != m.kind || e.lane != m.lane) continue;
        ++step;
        candidates.push_back({&e, used_[i], step > m.step ? step - m.step : m.step - step});
    }
    const bool any_unused =
        std::any_of(candidates.begin(), candidates.end(), [](const candidate& c) { return !c.used; });
    if (any_unused) std::erase_if(candidates, [](const candidate& c) { return c.used; });
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const candidate& a, const candidate& b) { return a.step_distance < b.step_distance; });
    if (candidates.size() > matcher_candidates_max) candidates.resize(matcher_candidates_max);
    const candidate* best = nullptr;
    matcher_distance best_distance;
    for (const candidate& c : candidates) {
        const matcher_distance d = distance(*c.event);
        if (best && d.differing >= best_distance.differing) continue;
        best = &c;
        best_distance = d;
    }
    if (!best) return;
    m.nearest.emplace();
    m.nearest->seq = best->event->seq;
    m.nearest->used = best->used;
    m.nearest->what = matcher_what(*best->event);
    m.nearest->differing = best_distance.differing;
    m.nearest->differing_messages = best_distance.differing_messages;
    m.nearest->messages = best_distance.messages;
}

namespace {

// The event that find_nearest chose, by its number.
const tape_event* matcher_event(const std::vector<tape_event>& events, const tape_miss& m) {
    if (!m.nearest) return nullptr;
    for (const tape_event& e : events)
        if (e.seq == m.nearest->seq && e.kind() == m.kind && e.lane == m.lane) return &e;
    return nullptr;
}

} // namespace

tape_matcher::answer tape_matcher::model(std::string_view lane, const tape_model_request& request) {
    const std::uint32_t step = count_request(lane, tape_kind::model_call);
    const digest key =
        tape_model_key(request.messages.chain(), request.tools.hash(), request.params.hash(), request.model);
    if (const tape_event* found = take(lane, tape_kind::model_call, key)) return found;
    tape_miss m{tape_kind::model_call, std::string(lane), step, std::string(request.model), key, std::nullopt};
    const std::vector<payload> live_messages = request.messages.messages();
    find_nearest(m, [&](const tape_event& e) {
        return matcher_compare(std::get<tape_model_call>(e.body), request, live_messages);
    });
    if (const tape_event* e = matcher_event(*index_->events, m))
        m.nearest->differences = matcher_differences(std::get<tape_model_call>(e->body), request);
    return std::unexpected(std::move(m));
}

tape_matcher::answer tape_matcher::skill(std::string_view lane, std::string_view skill, const payload& arguments) {
    const std::uint32_t step = count_request(lane, tape_kind::skill_call);
    const digest key = tape_skill_key(skill, arguments);
    if (const tape_event* found = take(lane, tape_kind::skill_call, key)) return found;
    tape_miss m{tape_kind::skill_call, std::string(lane), step, std::string(skill), key, std::nullopt};
    find_nearest(m, [&](const tape_event& e) {
        const auto& recorded = std::get<tape_skill_call>(e.body);
        return matcher_distance{matcher_count(recorded.arguments, arguments) +
                                    (recorded.skill == skill ? 0 : matcher_other_skill_weight),
                                0, 0};
    });
    if (const tape_event* e = matcher_event(*index_->events, m)) {
        const auto& recorded = std::get<tape_skill_call>(e->body);
        if (recorded.skill != skill) m.nearest->differing -= matcher_other_skill_weight - 1;
        matcher_append(m.nearest->differences, "/skill", payload::of_string(recorded.skill), payload::of_string(skill));
        matcher_append(m.nearest->differences, "/args", recorded.arguments, arguments);
    }
    return std::unexpected(std::move(m));
}

tape_matcher::answer tape_matcher::user(std::string_view lane, const payload& text) {
    const std::uint32_t step = count_request(lane, tape_kind::user_turn);
    const digest key = tape_user_key(text);
    if (const tape_event* found = take(lane, tape_kind::user_turn, key)) return found;
    tape_miss m{tape_kind::user_turn, std::string(lane), step, {}, key, std::nullopt};
    find_nearest(m, [&](const tape_event& e) {
        return matcher_distance{matcher_count(std::get<tape_user_turn>(e.body).text, text), 0, 0};
    });
    if (const tape_event* e = matcher_event(*index_->events, m))
        matcher_append(m.nearest->differences, "/text", std::get<tape_user_turn>(e->body).text, text);
    return std::unexpected(std::move(m));
}

std::vector<seq_no> tape_matcher::unused() const {
    std::vector<seq_no> out;
    for (std::size_t i = 0; i < used_.size(); ++i) {
        const tape_event& e = (*index_->events)[i];
        if (!used_[i] && matcher_is_matched(e.kind())) out.push_back(e.seq);
    }
    return out;
}

std::uint64_t tape_matcher::recorded(tape_kind k) const { return index_->recorded[static_cast<std::size_t>(k)]; }
std::uint64_t tape_matcher::used(tape_kind k) const { return used_count_[static_cast<std::size_t>(k)]; }

std::string to_string(const tape_miss& m) {
    std::string out = "tape miss: ";
    out += to_string(m.kind);
    if (!m.what.empty()) out += " " + m.what;
    out += ", lane " + m.lane + ", request " + std::to_string(m.step) + " of its kind";
    if (!m.nearest) return out + "\n  nearest: none, the tape has no " + to_string(m.kind) + " in this lane";
    const tape_nearest_request& n = *m.nearest;
    out += "\n  nearest: seq " + std::to_string(n.seq.value);
    if (n.what != m.what) out += " " + n.what;
    out += n.used ? " (already used" : " (unused";
    if (n.differing == 0) {
        out += "; equal, recorded fewer times than asked for)";
        return out;
    }
    const std::string count = n.differing >= matcher_leaves_max ? "more than a thousand" : std::to_string(n.differing);
    out += "; differs in " + count + (n.differing == 1 ? " value" : " values");
    if (m.kind == tape_kind::model_call)
        out += ", " + std::to_string(n.differing_messages) + " of " + std::to_string(n.messages) + " messages";
    out += ")";
    std::size_t width = 0;
    for (const json_difference& d : n.differences) width = std::max(width, d.pointer.size());
    for (const json_difference& d : n.differences) {
        const auto [recorded, live] = internal::tape_excerpts(d);
        out += "\n    " + d.pointer + std::string(width - d.pointer.size(), ' ');
        out += "  recorded " + recorded + "  live " + live;
    }
    if (n.differing > n.differences.size())
        out += "\n    and " + std::to_string(n.differing - n.differences.size()) + " more";
    return out;
}

error to_error(const tape_miss& m) {
    error e{errc::tape_miss, to_string(m), {}, {}, {{"kind", to_string(m.kind)}, {"lane", m.lane}}};
    e.context.emplace_back("step", std::to_string(m.step));
    e.context.emplace_back("key", to_hex(m.key));
    if (!m.nearest) return e;
    e.context.emplace_back("nearest_seq", std::to_string(m.nearest->seq.value));
    if (!m.nearest->differences.empty()) e.context.emplace_back("pointer", m.nearest->differences.front().pointer);
    return e;
}

result<void> check(const tape_verdict& v) {
    if (v.missed > 0) {
        if (!v.misses.empty()) return std::unexpected(to_error(v.misses.front()));
        return fail(errc::tape_miss, std::to_string(v.missed) + " requests have no recorded answer");
    }
    if (v.unused > 0) {
        std::string list;
        for (std::size_t i = 0; i < v.unused_events.size() && i < 8; ++i)
            list += (i == 0 ? "" : ", ") + std::to_string(v.unused_events[i].value);
        if (v.unused_events.size() > 8) list += ", …";
        return fail(errc::tape_unused, std::to_string(v.unused) + " recorded answers were not asked for: seq " + list);
    }
    if (v.matched + v.matched_user == 0)
        return fail(errc::tape_empty, "the replay asked for nothing and nothing is recorded");
    return {};
}

} // namespace aivp
