#include "sim/faults/injector.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "aivp/reliability/retry_after.hpp"
#include "mocks/connector.hpp"
#include "sim/faults/internal/held_answers.hpp"
#include "sim/faults/internal/spoilt_answers.hpp"

namespace aivp::sim {

fault_injector::site_state& fault_injector::state_of(std::string_view site, fault_port port) {
    const auto it = sites_.find(site);
    if (it != sites_.end()) return it->second;
    site_state fresh{.site = {std::string(site), port, 0, false, false}, .faults = {}};
    if (const auto planned = planned_.find(site); planned != planned_.end()) fresh.faults = planned->second;
    return sites_.emplace(std::string(site), std::move(fresh)).first->second;
}

const fault* fault_injector::hit(const std::vector<std::size_t>& faults, std::uint64_t n) {
    if (healed_) return nullptr;
    for (const std::size_t i : faults) {
        const fault& f = plan_.faults[i];
        if (!f.hits(n)) continue;
        met_.push_back({i, n, world_.now(), host_.last_seq()});
        return &f;
    }
    return nullptr;
}

const fault* fault_injector::call_of(fault_port port, run_id run, std::string_view agent, std::string_view binding,
                                     bool writes, bool keyed) {
    name_.assign(to_string(port)).append("/").append(agent);
    if (!binding.empty()) name_.append("/").append(binding);
    site_state& s = state_of(name_, port);
    s.site.writes = writes;
    s.site.keyed = keyed;
    if (calls_.size() < calls_noted_max) calls_.push_back({s.site.name, world_.now(), run});
    const fault* f = s.faults.empty() ? (++s.site.calls, nullptr) : hit(s.faults, ++s.site.calls);
    if (has_commands_ && !healed_) {
        site_state& c = state_of(name_.assign("command/").append(agent), fault_port::command);
        if (const fault* command = hit(c.faults, ++c.site.calls)) host_.command(agent, *command);
    }
    return f;
}

const fault* fault_injector::meet(std::string_view site, std::uint64_t n) {
    const auto it = planned_.find(site);
    return it == planned_.end() ? nullptr : hit(it->second, n);
}

bool fault_injector::has(fault_port port) const {
    return std::any_of(plan_.faults.begin(), plan_.faults.end(), [port](const fault& f) { return f.port() == port; });
}

std::uint64_t fault_injector::next_ordinal(std::string_view site, std::uint64_t from) const {
    std::uint64_t next = 0;
    if (healed_) return next;
    for (const fault& f : plan_.faults) {
        if (f.site != site) continue;
        const std::uint64_t n = f.hits(from) ? from : f.ordinal;
        if (n >= from && (next == 0 || n < next)) next = n;
    }
    return next;
}

std::vector<std::size_t> fault_injector::unmet() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < plan_.faults.size(); ++i)
        if (std::none_of(met_.begin(), met_.end(), [i](const met_fault& m) { return m.index == i; })) out.push_back(i);
    return out;
}

std::vector<fault_site> fault_injector::sites() const {
    std::map<std::string, fault_site> out;
    for (const auto& [name, s] : sites_) {
        out[name] = s.site;
        if (s.site.port == fault_port::command || has_commands_) continue;
        const std::size_t begin = name.find('/') + 1;
        const std::string command = "command/" + name.substr(begin, name.find('/', begin) - begin);
        fault_site& c = out[command];
        c.name = command;
        c.port = fault_port::command;
        c.calls += s.site.calls;
    }
    std::vector<fault_site> list;
    for (auto& [name, site] : out) list.push_back(std::move(site));
    return list;
}

namespace {

/// IMF-fixdate of RFC 9110: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(instant t) {
    static constexpr std::string_view days = "ThuFriSatSunMonTueWed";
    static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const std::string iso = to_string(t); // 1994-11-06T08:49:37…
    constexpr std::int64_t day_us = 86'400'000'000;
    const std::int64_t day = (t.us >= 0 ? t.us : t.us - day_us + 1) / day_us;
    const auto weekday = static_cast<std::size_t>((day % 7 + 7) % 7);
    const auto month = static_cast<std::size_t>(iso[5] - '0') * 10 + static_cast<std::size_t>(iso[6] - '0') - 1;
    return std::string(days.substr(weekday * 3, 3)) + ", " + iso.substr(8, 2) + " " +
           std::string(months.substr(month * 3, 3)) + " " + iso.substr(0, 4) + " " + iso.substr(11, 8) + " GMT";
}

/// What a server's Retry-After header comes to, read as the live host reads it.
duration asked_wait(const fault& f, instant now) {
    const std::string_view form = info(f.kind).forms[f.form];
    const duration wait = f.effective_span();
    if (form == "none") return {};
    std::string name = "retry-after", value = std::to_string((wait.us + 999'999) / 1'000'000);
    if (form == "milliseconds") {
        name = "retry-after-ms";
        value = std::to_string(wait.us / 1000);
    }
    if (form == "date") value = http_date(now + wait);
    if (form == "past") value = http_date(now - wait);
    if (form == "absurd") value = "99999999999999999999";
    const std::array headers{header_view{name, value}};
    const auto hint = find_retry_after(headers, now);
    return hint ? hint->wait : duration{};
}

} // namespace

/// Answers that a fault changes come back through here; all others go straight to whoever asked.
class fault_injector::faulty_models final : public model_provider, public no_answers {
public:
    faulty_models(model_provider& next, fault_injector& owner) : next_(next), owner_(owner), held_(owner.world_) {}

    void call(const model_request& request, completion_sink& sink) override {
        const fault* f = owner_.call_of(fault_port::model, request.run, request.agent);
        if (!f) return next_.call(request, sink);
        const call_ref ref{request.run, request.call};
        switch (f->kind) {
        case fault_kind::model_rate_limited:
            return refuse(sink, ref, errc::model_rate_limited, "429: too many requests",
                          asked_wait(*f, owner_.world_.now()));
        case fault_kind::model_overloaded: return refuse(sink, ref, errc::model_failed, "529: overloaded");
        case fault_kind::model_server_error: return refuse(sink, ref, errc::model_failed, "500: internal server error");
        case fault_kind::model_silent: return;
        default: break;
        }
        held_.expect(ref, sink, *f);
        next_.call(request, *this);
    }
    void cancel(call_ref ref) override {
        if (!held_.ignores_cancel(ref)) next_.cancel(ref);
    }
    void model_done(model_completion c) override {
        const auto waiting = held_.take(c.ref);
        if (!waiting) return;
        const auto& [ref, sink, f, writes] = *waiting;
        const duration span = f->effective_span();
        switch (f->kind) {
        case fault_kind::model_lost:
        case fault_kind::model_cut: {
            const bool cut = f->kind == fault_kind::model_cut;
            return held_.later(*sink, span,
                               model_completion{ref,
                                                effect_outcome::unknown,
                                                {},
                                                errc::model_unknown,
                                                cut ? "the model's answer was cut before its end"
                                                    : "the connection broke before the answer"});
        }
        case fault_kind::model_late: return held_.later(*sink, span, std::move(c));
        case fault_kind::model_answers_twice: held_.later(*sink, span, c); return sink->model_done(std::move(c));
        default:
            if (c.outcome == effect_outcome::ok) spoil(c.response, *f);
            return sink->model_done(std::move(c));
        }
    }

private:
    static void refuse(completion_sink& sink, call_ref ref, errc code, std::string message, duration wait = {}) {
        sink.model_done({ref, effect_outcome::failed, {}, code, std::move(message), wait});
    }

    model_provider& next_;
    fault_injector& owner_;
    held_answers held_;
};

class fault_injector::faulty_connector final : public connector_port, public no_answers {
public:
    faulty_connector(connector_port& next, fault_injector& owner)
        : next_(next),
          owner_(owner),
          held_(owner.world_),
          sees_all_(std::any_of(owner.plan_.faults.begin(), owner.plan_.faults.end(),
                                [](const fault& f) { return f.kind == fault_kind::skill_overtaken; })) {}

    void call(const skill_request& request, completion_sink& sink) override {
        const bool writes = request.effect == effect_class::write;
        const fault* f =
            owner_.call_of(fault_port::skill, request.run, request.agent, request.as, writes, request.takes_key);
        const call_ref ref{request.run, request.call};
        if (!f) {
            if (!sees_all_) return next_.call(request, sink);
            held_.expect(ref, sink, none_);
            return next_.call(request, *this);
        }
        switch (f->kind) {
        case fault_kind::skill_unavailable: return refuse(sink, ref, errc::skill_unavailable, "no connection");
        case fault_kind::skill_denied:
            return refuse(sink, ref, errc::skill_failed, "401: the credentials have expired");
        case fault_kind::skill_rate_limited:
            return refuse(sink, ref, errc::skill_unavailable, "429: too many requests",
                          asked_wait(*f, owner_.world_.now()));
        case fault_kind::skill_silent: return;
        case fault_kind::skill_delivered_twice:
            // The second delivery's answer has no one to go to.
            next_.call(request, sink);
            return next_.call(request, nobody_);
        default: break;
        }
        held_.expect(ref, sink, *f, writes);
        next_.call(request, *this);
    }
    void cancel(call_ref ref) override {
        if (!held_.ignores_cancel(ref)) next_.cancel(ref);
    }
    void skill_done(skill_completion c) override {
        const auto waiting = held_.take(c.ref);
        if (!waiting) return;
        const auto& [ref, sink, f, writes] = *waiting;
        const duration span = f->effective_span();
        switch (f->kind) {
        case fault_kind::skill_lost: return held_.later(*sink, span, broken(ref, writes));
        case fault_kind::skill_swallowed: return;
        case fault_kind::skill_late: return held_.later(*sink, span, std::move(c));
        case fault_kind::skill_answers_twice: held_.later(*sink, span, c); return sink->skill_done(std::move(c));
        case fault_kind::skill_overtaken: return held_.behind_next(*sink, span, std::move(c));
        default:
            if (c.outcome == effect_outcome::ok) spoil(c.result, *f);
            sink->skill_done(std::move(c));
            if (f == &none_) held_.one_passed();
        }
    }

private:
    static void refuse(completion_sink& sink, call_ref ref, errc code, std::string message, duration wait = {}) {
        payload details = failure_details({code, message, {}, {}, {}});
        sink.skill_done({ref, effect_outcome::failed, std::move(details), code, std::move(message), wait});
    }
    /// What the live host makes of it: a read that failed changes nothing, and of a write nobody knows.
    static skill_completion broken(call_ref ref, bool writes) {
        return {.ref = ref,
                .outcome = writes ? effect_outcome::unknown : effect_outcome::failed,
                .result = {},
                .code = writes ? errc::skill_outcome_unknown : errc::skill_unavailable,
                .message = "the connection broke before the answer"};
    }

    connector_port& next_;
    fault_injector& owner_;
    held_answers held_;
    bool sees_all_;
    fault none_{.site = {}, .kind = fault_kind::ties_permute};
    no_answers nobody_;
};

class fault_injector::faulty_users final : public user_channel, public no_answers {
public:
    faulty_users(user_channel& next, fault_injector& owner) : next_(next), owner_(owner), held_(owner.world_) {}

    void ask(const user_question& question, completion_sink& sink) override {
        const fault* f = owner_.call_of(fault_port::user, question.run, question.agent);
        if (!f) return next_.ask(question, sink);
        const call_ref ref{question.run, question.call};
        if (f->kind == fault_kind::user_leaves) return sink.user_done({ref, {}, true});
        if (f->kind == fault_kind::user_silent) return;
        held_.expect(ref, sink, *f);
        next_.ask(question, *this);
    }
    void cancel(call_ref ref) override {
        if (!held_.ignores_cancel(ref)) next_.cancel(ref);
    }
    void user_done(user_completion c) override {
        const auto waiting = held_.take(c.ref);
        if (!waiting) return;
        held_.later(*waiting->sink, waiting->why->effective_span(), c);
        if (waiting->why->kind == fault_kind::user_answers_twice) waiting->sink->user_done(std::move(c));
    }

private:
    user_channel& next_;
    fault_injector& owner_;
    held_answers held_;
};

fault_injector::fault_injector(fault_plan plan, inner_ports ports, mock_world& world, fault_host& host)
    : plan_(std::move(plan)), world_(world), host_(host) {
    for (std::size_t i = 0; i < plan_.faults.size(); ++i) planned_[plan_.faults[i].site].push_back(i);
    has_commands_ = has(fault_port::command);
    models_ = std::make_unique<faulty_models>(ports.models, *this);
    connector_ = std::make_unique<faulty_connector>(ports.connector, *this);
    users_ = std::make_unique<faulty_users>(ports.users, *this);
}

fault_injector::~fault_injector() = default;

model_provider& fault_injector::models() { return *models_; }
connector_port& fault_injector::connector() { return *connector_; }
user_channel& fault_injector::users() { return *users_; }

} // namespace aivp::sim
