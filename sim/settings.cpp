#include "sim/settings.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "sim/scenario.hpp"

namespace aivp::sim {

namespace {

/// Called with the name of each number, its place and the least that it can be.
class setting_visitor {
public:
    virtual ~setting_visitor() = default;
    virtual void number(std::string_view name, std::uint32_t& value, std::int64_t least) = 0;
    virtual void number(std::string_view name, std::int64_t& value, std::int64_t least) = 0;
};

void visit(setting_visitor& v, const std::string& prefix, retry_policy& p) {
    v.number(prefix + "retry.attempts", p.max_attempts, 1);
    if (!p.max_elapsed) return;
    constexpr std::int64_t us_per_ms = 1000;
    std::int64_t ms = p.max_elapsed->us / us_per_ms;
    const std::int64_t before = ms;
    v.number(prefix + "retry.within_ms", ms, 1);
    if (ms != before) p.max_elapsed = milliseconds(ms);
}

void visit(setting_visitor& v, const std::string& prefix, rate_limit& r) {
    v.number(prefix + "rate.burst", r.burst, 1);
}

void visit(setting_visitor& v, const std::string& prefix, breaker_policy& b) {
    v.number(prefix + "breaker.calls_min", b.calls_min, 1);
    v.number(prefix + "breaker.probes", b.probes_max, 1);
    if (b.window == breaker_window::count) v.number(prefix + "breaker.window", b.window_calls, 1);
}

/// Of a skill_contract or a model_spec: what its calls have to keep to.
template <class Dependency>
void visit_reliability(setting_visitor& v, const std::string& prefix, Dependency& d) {
    visit(v, prefix, d.retry);
    if (d.rate) visit(v, prefix, *d.rate);
    if (d.breaker) visit(v, prefix, *d.breaker);
}

void visit(setting_visitor& v, agent_snapshot& a) {
    if (auto* steps = std::get_if<steps_brain>(&a.brain)) {
        auto count = static_cast<std::int64_t>(steps->steps.size());
        v.number("steps", count, 1);
        // A step refers to those before it only.
        steps->steps.erase(steps->steps.begin() + static_cast<std::ptrdiff_t>(count), steps->steps.end());
    } else {
        auto& loop = std::get<loop_brain>(a.brain);
        v.number("limits.model_turns", a.limits.model_turns, 1);
        visit_reliability(v, "model.", loop.model);
    }
    v.number("limits.skill_calls", a.limits.skill_calls, 1);
    v.number("limits.repeated_calls", a.limits.repeated_calls, 1);
}

std::string name_of(const skill_contract& skill) { return skill.id + "@" + skill.version; }

/// Lists them.
class setting_list final : public setting_visitor {
public:
    setting_list(std::string of, std::vector<setting>& out) : of_(std::move(of)), out_(out) {}
    void number(std::string_view name, std::uint32_t& value, std::int64_t least) override { add(name, value, least); }
    void number(std::string_view name, std::int64_t& value, std::int64_t least) override { add(name, value, least); }

private:
    void add(std::string_view name, std::int64_t value, std::int64_t least) {
        if (value > least) out_.push_back({of_, std::string(name), value, least});
    }
    std::string of_;
    std::vector<setting>& out_;
};

/// Sets those that the edits name, and remembers which ones it has met.
class setting_writer final : public setting_visitor {
public:
    setting_writer(std::string of, const std::vector<setting_edit>& edits) : of_(std::move(of)), edits_(edits) {}
    void number(std::string_view name, std::uint32_t& value, std::int64_t least) override {
        std::int64_t n = value;
        number(name, n, least);
        value = static_cast<std::uint32_t>(n); // not above what it was
    }
    void number(std::string_view name, std::int64_t& value, std::int64_t least) override {
        for (const setting_edit& e : edits_) {
            if (e.of != of_ || e.name != name) continue;
            text_ += " " + e.name + "=" + std::to_string(e.to);
            if (e.to >= least && e.to <= value)
                value = e.to;
            else
                refused_ = fail(errc::config_value, "`" + e.name + "` of " + of_ + " is from " + std::to_string(least) +
                                                        " to " + std::to_string(value));
        }
    }
    /// What was set; empty = nothing.
    const std::string& text() const { return text_; }
    result<void> refused() const { return refused_; }

private:
    std::string of_;
    const std::vector<setting_edit>& edits_;
    std::string text_;
    result<void> refused_;
};

result<void> check_dependency(const retry_policy& retry, const std::optional<breaker_policy>& breaker,
                              const std::optional<rate_limit>& rate) {
    AIVP_CHECK(check(retry));
    if (rate) AIVP_CHECK(check(*rate));
    if (breaker) AIVP_CHECK(check(*breaker));
    return {};
}

/// The contract with its values, made once for all who are bound to it; itself when nothing is said of it.
class skill_editor {
public:
    explicit skill_editor(const std::vector<setting_edit>& edits) : edits_(edits) {}

    result<skill_ptr> edited(const skill_ptr& skill) {
        const auto found = made_.find(name_of(*skill));
        if (found != made_.end()) return found->second;
        auto copy = std::make_shared<skill_contract>(*skill);
        setting_writer writer(name_of(*skill), edits_);
        visit_reliability(writer, "", *copy);
        AIVP_CHECK(writer.refused());
        if (writer.text().empty()) return made_[name_of(*skill)] = skill;
        AIVP_CHECK(check_dependency(copy->retry, copy->breaker, copy->rate));
        copy->hash = sha256(skill->hash.view(), writer.text());
        return made_[name_of(*skill)] = std::move(copy);
    }

private:
    const std::vector<setting_edit>& edits_;
    std::map<std::string, skill_ptr> made_;
};

result<snapshot_ptr> edited(const snapshot_ptr& agent, const std::vector<setting_edit>& edits, skill_editor& skills) {
    auto copy = std::make_shared<agent_snapshot>(*agent);
    setting_writer writer(agent->id, edits);
    visit(writer, *copy);
    AIVP_CHECK(writer.refused());
    std::string changed = writer.text();
    for (skill_binding& b : copy->bindings) {
        AIVP_TRY(skill_ptr skill, skills.edited(b.skill));
        if (skill == b.skill) continue;
        changed += " " + b.as + "=" + to_hex(skill->hash);
        b.skill = std::move(skill);
    }
    if (changed.empty()) return agent;
    if (const auto* loop = std::get_if<loop_brain>(&copy->brain))
        AIVP_CHECK(check_dependency(loop->model.retry, loop->model.breaker, loop->model.rate));
    copy->hashes.agent = sha256(agent->hashes.agent.view(), changed);
    copy->hashes.whole = sha256(agent->hashes.whole.view(), changed);
    return copy;
}

bool has(const std::vector<setting>& all, const setting_edit& e) {
    return std::any_of(all.begin(), all.end(), [&](const setting& s) { return s.of == e.of && s.name == e.name; });
}

} // namespace

std::vector<setting> settings_of(const scenario& s) {
    std::vector<setting> out;
    std::vector<std::string> seen;
    for (const snapshot_ptr& agent : s.agents) {
        agent_snapshot copy = *agent;
        setting_list list(agent->id, out);
        visit(list, copy);
        for (const skill_binding& b : agent->bindings) {
            const std::string name = name_of(*b.skill);
            if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
            seen.push_back(name);
            skill_contract skill = *b.skill;
            setting_list of_skill(name, out);
            visit_reliability(of_skill, "", skill);
        }
    }
    std::sort(out.begin(), out.end(),
              [](const setting& a, const setting& b) { return std::tie(a.of, a.name) < std::tie(b.of, b.name); });
    return out;
}

result<void> apply_settings(scenario& s, const std::vector<setting_edit>& edits) {
    if (edits.empty()) return {};
    const std::vector<setting> all = settings_of(s);
    for (const setting_edit& e : edits)
        if (!has(all, e)) return fail(errc::config_value, "the scenario has no `" + e.name + "` of " + e.of);
    skill_editor skills(edits);
    for (snapshot_ptr& agent : s.agents) {
        AIVP_TRY(agent, edited(agent, edits, skills));
    }
    return {};
}

} // namespace aivp::sim
