#include "sim/workload.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "mocks/scripted_user.hpp"
#include "sim/scenario.hpp"

namespace aivp::sim {

namespace {

constexpr std::int64_t times_max = 1'000'000;
constexpr duration span_max = days(366 * 20);

bool is_known(const scenario& s, const std::string& agent) {
    return std::any_of(s.agents.begin(), s.agents.end(), [&](const snapshot_ptr& a) { return a->id == agent; });
}

result<void> check(const scenario& s, const pinned_expectation& pin) {
    if (pin.number >= s.expectations.size())
        return fail(errc::config_value, "the scenario has no expectation " + std::to_string(pin.number));
    if (pin.right.is_null()) return {};
    const bool of_world = s.expectations[pin.number].what == expectation::kind::world;
    if (of_world ? pin.right.is_object() : as_integer(pin.right).value_or(-1) >= 0) return {};
    return fail(errc::config_value,
                std::string("what is right is ") + (of_world ? "an object of services" : "a whole number"));
}

/// The expectation, with what is right under the edits.
expectation pinned(const scenario& s, const pinned_expectation& pin) {
    expectation e = s.expectations[pin.number];
    if (pin.right.is_null()) return e;
    if (e.what == expectation::kind::world) {
        e.part = pin.right;
    } else {
        const auto n = static_cast<std::uint64_t>(as_integer(pin.right).value_or(0));
        e.count = {n, n};
    }
    return e;
}

result<void> check(const scenario& s, const workload_edits& edits) {
    for (const std::string& agent : edits.without)
        if (!is_known(s, agent)) return fail(errc::config_value, "the scenario has no agent `" + agent + "`");
    if (edits.without.size() >= s.agents.size() && !s.agents.empty())
        return fail(errc::config_value, "no agent of the scenario is left");
    for (const trigger_edit& e : edits.triggers) {
        if (e.trigger >= s.triggers.size())
            return fail(errc::config_value, "the scenario has no trigger " + std::to_string(e.trigger));
        if (e.times.value_or(1) > 1 && !s.triggers[e.trigger].every)
            return fail(errc::config_value,
                        "trigger " + std::to_string(e.trigger) + " happens once: it has no `every`");
    }
    if (edits.users && !edits.users->is_null()) {
        if (auto script = parse_user_script(*edits.users); !script) return std::unexpected(std::move(script).error());
    }
    if (edits.expect) return check(s, *edits.expect);
    return {};
}

planned_trigger edited(planned_trigger t, const trigger_edit& e) {
    if (e.after) t.after = *e.after;
    if (e.times) t.times = *e.times;
    if (t.times == 1) t.every.reset();
    if (e.body) t.body = *e.body;
    return t;
}

} // namespace

result<std::shared_ptr<const scenario>> apply_edits(const std::shared_ptr<const scenario>& written,
                                                    const workload_edits& edits) {
    if (edits.empty()) return written;
    AIVP_CHECK(check(*written, edits));
    auto out = std::make_shared<scenario>(*written);
    // Its plan was written for the other workload too; whoever runs it says under which faults.
    out->expectations.clear();
    out->faults = {};
    out->heals = !edits.expect;
    out->pinned = edits.expect.has_value();
    if (edits.expect) out->expectations = {pinned(*written, *edits.expect)};
    if (edits.horizon) out->horizon = *edits.horizon;
    if (edits.users) out->users = *edits.users;
    AIVP_CHECK(apply_settings(*out, edits.settings));
    const auto is_without = [&](const std::string& agent) {
        return std::find(edits.without.begin(), edits.without.end(), agent) != edits.without.end();
    };
    std::erase_if(out->agents, [&](const snapshot_ptr& a) { return is_without(a->id); });
    out->triggers.clear();
    for (std::uint32_t i = 0; i < written->triggers.size(); ++i) {
        const planned_trigger& t = written->triggers[i];
        if (is_without(t.agent)) continue;
        bool stays = true;
        std::vector<planned_trigger> made;
        for (const trigger_edit& e : edits.triggers) {
            if (e.trigger != i) continue;
            if (!e.dropped) made.push_back(edited(t, e));
            if (!e.added) stays = false;
        }
        if (stays) made.insert(made.begin(), t);
        for (planned_trigger& m : made) out->triggers.push_back(std::move(m));
    }
    return out;
}

namespace {

payload to_payload(const trigger_edit& e) {
    std::vector<std::pair<std::string, payload>> out = {{"trigger", payload::of_integer(e.trigger)}};
    if (e.added) out.emplace_back("added", payload::of_bool(true));
    if (e.after) out.emplace_back("after", payload::of_string(to_string(*e.after)));
    if (e.body) out.emplace_back("payload", *e.body);
    if (e.dropped) out.emplace_back("drop", payload::of_bool(true));
    if (e.times) out.emplace_back("times", payload::of_integer(static_cast<std::int64_t>(*e.times)));
    return payload::of_object(std::move(out));
}

/// Reads the members of one object and refuses those that nobody asks for.
class object_reader {
public:
    object_reader(const payload& object, std::string what) : members_(members(object)), what_(std::move(what)) {
        if (!object.is_object()) refuse(errc::config_type, what_ + " is an object");
    }
    std::optional<payload> find(std::string_view key) {
        const auto it = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == key; });
        if (it == members_.end()) return std::nullopt;
        payload found = std::move(it->second);
        members_.erase(it);
        return found;
    }
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) {
        const auto p = find(key);
        if (!p) return std::nullopt;
        const auto n = as_integer(*p);
        if (n && *n >= least && *n <= most) return n;
        refuse(errc::config_value, "`" + std::string(key) + "` of " + what_ + " is no number from " +
                                       std::to_string(least) + " to " + std::to_string(most));
        return std::nullopt;
    }
    std::optional<std::string> text(std::string_view key) {
        const auto p = find(key);
        if (!p) return std::nullopt;
        auto text = as_string(*p);
        if (!text) refuse(errc::config_type, "`" + std::string(key) + "` of " + what_ + " is a text");
        return text;
    }
    bool flag(std::string_view key) {
        const auto p = find(key);
        if (!p) return false;
        if (as_bool(*p) == true) return true;
        refuse(errc::config_value, "`" + std::string(key) + "` of " + what_ + " is true or absent");
        return false;
    }
    std::optional<duration> span(std::string_view key, duration least) {
        const auto p = find(key);
        if (!p) return std::nullopt;
        const auto text = as_string(*p);
        const auto d = text ? parse_duration(*text) : result<duration>(fail(errc::config_type, ""));
        if (d && *d >= least && *d <= span_max) return *d;
        refuse(errc::config_value, "`" + std::string(key) + "` of " + what_ + " is no duration in its range");
        return std::nullopt;
    }
    void refuse(errc code, std::string message) {
        if (!error_) error_ = error{code, std::move(message), {}, {}, {}};
    }
    result<void> finish() {
        if (!error_ && !members_.empty())
            refuse(errc::config_unknown_key, what_ + " has no key `" + members_.front().first + "`");
        if (error_) return std::unexpected(*error_);
        return {};
    }

private:
    std::vector<std::pair<std::string, payload>> members_;
    std::string what_;
    std::optional<error> error_;
};

result<trigger_edit> parse_trigger(const payload& document) {
    object_reader m(document, "a trigger of the workload");
    trigger_edit e;
    const auto index = m.integer("trigger", 0, times_max);
    if (!index) m.refuse(errc::config_missing_key, "a trigger of the workload needs its `trigger`");
    e.trigger = static_cast<std::uint32_t>(index.value_or(0));
    e.dropped = m.flag("drop");
    e.added = m.flag("added");
    e.after = m.span("after", {});
    if (const auto n = m.integer("times", 1, times_max)) e.times = static_cast<std::uint64_t>(*n);
    if (const auto body = m.find("payload")) e.body = *body;
    if (e.dropped && (e.added || e.after || e.times || e.body))
        m.refuse(errc::config_value, "a trigger that is dropped has no other changes");
    AIVP_CHECK(m.finish());
    if (e.empty()) return fail(errc::config_value, "a trigger of the workload changes nothing");
    return e;
}

result<pinned_expectation> parse_pin(const payload& document) {
    object_reader m(document, "`expect` of a workload");
    pinned_expectation out;
    const auto number = m.integer("number", 0, times_max);
    if (!number) m.refuse(errc::config_missing_key, "`expect` of a workload needs its `number`");
    out.number = static_cast<std::uint32_t>(number.value_or(0));
    if (const auto right = m.find("right")) {
        out.right = *right;
        if (out.right.is_null()) m.refuse(errc::config_value, "`right` of an expectation is a number or an object");
    }
    AIVP_CHECK(m.finish());
    return out;
}

result<setting_edit> parse_setting(const payload& document) {
    object_reader m(document, "a setting of the workload");
    const auto of = m.text("of"), name = m.text("name");
    const auto to = m.integer("to", 0, INT64_MAX);
    if (!of || !name || !to)
        m.refuse(errc::config_missing_key, "a setting of the workload needs `of`, `name` and `to`");
    AIVP_CHECK(m.finish());
    return setting_edit{*of, *name, *to};
}

result<std::vector<setting_edit>> parse_settings(const payload& list) {
    std::vector<setting_edit> out;
    for (const payload& one : items(list)) {
        AIVP_TRY(setting_edit e, parse_setting(one));
        if (!out.empty() && std::tie(e.of, e.name) <= std::tie(out.back().of, out.back().name))
            return fail(errc::config_value, "`settings` of a workload are sorted by `of` and `name`");
        out.push_back(std::move(e));
    }
    if (out.empty()) return fail(errc::config_value, "`settings` of a workload is a list with something in it");
    return out;
}

result<void> check_order(const std::vector<trigger_edit>& triggers) {
    for (std::size_t i = 1; i < triggers.size(); ++i) {
        const trigger_edit &before = triggers[i - 1], &e = triggers[i];
        if (e.trigger < before.trigger || (e.trigger == before.trigger && !e.added))
            return fail(errc::config_value, "the triggers of the workload are not in order");
    }
    return {};
}

} // namespace

payload to_payload(const workload_edits& edits) {
    std::vector<std::pair<std::string, payload>> out;
    if (edits.horizon) out.emplace_back("duration", payload::of_string(to_string(*edits.horizon)));
    if (edits.users) out.emplace_back("users", *edits.users);
    if (!edits.without.empty()) {
        std::vector<payload> ids;
        for (const std::string& id : edits.without) ids.push_back(payload::of_string(id));
        out.emplace_back("without", payload::of_array(ids));
    }
    if (!edits.triggers.empty()) {
        std::vector<payload> list;
        for (const trigger_edit& e : edits.triggers) list.push_back(to_payload(e));
        out.emplace_back("triggers", payload::of_array(list));
    }
    if (!edits.settings.empty()) {
        std::vector<payload> list;
        for (const setting_edit& e : edits.settings)
            list.push_back(payload::of_object({{"of", payload::of_string(e.of)},
                                               {"name", payload::of_string(e.name)},
                                               {"to", payload::of_integer(e.to)}}));
        out.emplace_back("settings", payload::of_array(list));
    }
    if (edits.expect) {
        std::vector<std::pair<std::string, payload>> pin = {{"number", payload::of_integer(edits.expect->number)}};
        if (!edits.expect->right.is_null()) pin.emplace_back("right", edits.expect->right);
        out.emplace_back("expect", payload::of_object(std::move(pin)));
    }
    return payload::of_object(std::move(out));
}

result<workload_edits> parse_workload(const payload& document) {
    object_reader m(document, "a workload");
    workload_edits out;
    out.horizon = m.span("duration", microseconds(1));
    if (const auto users = m.find("users")) out.users = *users;
    if (const auto list = m.find("without")) {
        for (const payload& id : items(*list)) out.without.push_back(as_string(id).value_or(""));
        if (out.without.empty() || !std::is_sorted(out.without.begin(), out.without.end()) ||
            std::adjacent_find(out.without.begin(), out.without.end()) != out.without.end() ||
            out.without.front().empty())
            m.refuse(errc::config_value, "`without` is a sorted list of agents");
    }
    if (const auto list = m.find("triggers")) {
        for (const payload& t : items(*list)) {
            AIVP_TRY(trigger_edit e, parse_trigger(t));
            out.triggers.push_back(std::move(e));
        }
        if (out.triggers.empty())
            m.refuse(errc::config_value, "`triggers` of a workload is a list with something in it");
        AIVP_CHECK(check_order(out.triggers));
    }
    if (const auto list = m.find("settings")) {
        AIVP_TRY(out.settings, parse_settings(*list));
    }
    if (const auto pin = m.find("expect")) {
        AIVP_TRY(out.expect, parse_pin(*pin));
    }
    AIVP_CHECK(m.finish());
    return out;
}

} // namespace aivp::sim
