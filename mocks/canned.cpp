#include "mocks/canned.hpp"

#include <algorithm>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/matching.hpp"

namespace aivp {
namespace {

bool canned_names(const std::string& pattern, std::string_view skill) {
    if (pattern == "*") return true;
    if (pattern.ends_with(".*")) return skill.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
    return pattern == skill;
}

void canned_read_error(field_reader& in, const payload& value, canned_answer& a) {
    std::string name;
    if (auto text = as_string(value)) {
        name = std::move(*text);
    } else {
        field_reader one(value, field_origin::seed, in.pointer("error"));
        name = one.text("code");
        a.message = one.text_or("message", "");
        a.details = one.maybe_value("details").value_or(payload());
        if (auto read = one.done(); !read) in.adopt(read.error());
    }
    const error_info* const row = find_error(name);
    if (!row || row->code == errc::ok) {
        in.refuse("error", errc::config_value, "\"" + shortened(name, 60) + "\" is no error code such as skill.failed");
        return;
    }
    a.code = row->code;
    if (a.message.empty()) a.message = row->text;
}

result<canned_answer> canned_read(const payload& document, const std::string& at) {
    field_reader in(document, field_origin::seed, at);
    canned_answer a;
    a.skill = in.text("skill");
    a.when = in.maybe_value("when").value_or(payload());
    a.times = static_cast<std::uint64_t>(in.integer_or("times", 0, 0, 1'000'000'000));
    const auto single = in.maybe_value("result");
    const bool several = in.has("results");
    a.results = in.list("results");
    const auto failure = in.maybe_value("error");
    if (single) a.results = {*single};
    if (failure) canned_read_error(in, *failure, a);
    if (in.ok() && a.skill.empty()) in.refuse("skill", errc::config_value, "is empty");
    if (in.ok() && !a.when.is_null() && !a.when.is_object()) in.refuse("when", errc::config_type, "must be an object");
    if (in.ok() && single.has_value() + several + failure.has_value() != 1)
        in.refuse("result", errc::config_value, "an answer has exactly one of result, results, error");
    if (in.ok() && several && a.results.empty()) in.refuse("results", errc::config_value, "holds no result");
    AIVP_CHECK(in.done());
    return a;
}

} // namespace

result<std::vector<canned_answer>> parse_canned_answers(const payload& document, std::string at) {
    if (!document.is_array())
        return std::unexpected(error{errc::config_type,
                                     (at.empty() ? std::string("answers") : at) + ": must be an array and is " +
                                         std::string(json_kind(document)),
                                     {},
                                     {},
                                     {{"pointer", at}}});
    std::vector<canned_answer> out;
    for (const payload& one : items(document)) {
        AIVP_TRY(auto answer, canned_read(one, at + "/" + std::to_string(out.size())));
        out.push_back(std::move(answer));
    }
    return out;
}

canned_connector::canned_connector(mock_world& world, world_ledger& ledger, std::vector<canned_answer> answers,
                                   connector_port* next, mock_connector_options options)
    : world_(world), ledger_(ledger), next_(next), options_(options), pending_(world, options.synchronous) {
    for (canned_answer& a : answers) answers_.push_back({std::move(a), 0});
}

canned_connector::counted* canned_connector::find(const skill_request& request, bool& skill_known) {
    for (counted& c : answers_) {
        if (!canned_names(c.answer.skill, request.skill)) continue;
        skill_known = true;
        if (c.answer.times != 0 && c.used >= c.answer.times) continue;
        if (c.answer.when.is_null() || subset_matches(request.arguments, c.answer.when)) return &c;
    }
    return nullptr;
}

skill_completion canned_connector::answer(const skill_request& request, counted& chosen, ledger_entry& entry) {
    const canned_answer& a = chosen.answer;
    const std::uint64_t use = chosen.used++;
    skill_completion done;
    done.ref = {request.run, request.call};
    if (a.code == errc::ok) {
        done.result = a.results[std::min<std::uint64_t>(use, a.results.size() - 1)];
    } else {
        done.outcome = a.code == errc::skill_outcome_unknown ? effect_outcome::unknown : effect_outcome::failed;
        done.code = a.code;
        done.message = a.message;
        done.result = a.details.is_null() ? failure_details({a.code, a.message, {}, {}, {}}) : a.details;
    }
    entry.outcome = done.outcome;
    entry.code = done.code;
    entry.result = done.result.hash();
    return done;
}

duration canned_connector::draw_latency(const skill_request& request) {
    latency_model* const model = latencies_.find(request.skill);
    return model ? draw_for_call(*model, options_.seed, "connector-latency", request.skill, {request.run, request.call})
                 : duration{};
}

void canned_connector::call(const skill_request& request, completion_sink& sink) {
    const bool keyed = request.takes_key && request.idempotency_key;
    const auto before = keyed ? keyed_.find(request.idempotency_key) : keyed_.end();
    bool skill_known = false;
    counted* const chosen = before != keyed_.end() ? nullptr : find(request, skill_known);
    if (before == keyed_.end() && !chosen && next_) {
        next_->call(request, sink);
        return;
    }
    ledger_entry entry;
    entry.at = world_.now();
    entry.run = request.run;
    entry.call = request.call;
    entry.agent = request.agent;
    entry.connector = request.skill.substr(0, request.skill.find('.'));
    entry.operation = request.skill;
    entry.arguments = request.arguments;
    entry.effect = request.effect;
    if (keyed) entry.idempotency_key = request.idempotency_key;

    skill_completion done;
    const auto refuse = [&](errc code, std::string message) {
        done = {{request.run, request.call},
                effect_outcome::failed,
                failure_details({code, message, {}, {}, {}}),
                code,
                std::move(message)};
        entry.outcome = done.outcome;
        entry.code = code;
        entry.result = done.result.hash();
    };
    if (before != keyed_.end() && before->second.arguments == request.arguments.hash()) {
        done = before->second.completion;
        done.ref = {request.run, request.call};
        entry.duplicate_of = before->second.ordinal;
        entry.result = done.result.hash();
    } else if (before != keyed_.end()) {
        refuse(errc::idem_other_args, std::string(request.skill) + ": the key was used before with other arguments");
    } else if (chosen) {
        done = answer(request, *chosen, entry);
    } else if (!skill_known) {
        refuse(errc::connector_missing, "no canned answer names \"" + std::string(request.skill) + "\"");
    } else {
        refuse(errc::skill_not_found, "no canned answer for \"" + std::string(request.skill) + "\" is left that fits " +
                                          shortened(request.arguments.text(), 200));
    }
    const bool remember = keyed && chosen && done.outcome == effect_outcome::ok;
    const std::uint64_t ordinal = ledger_.append(std::move(entry));
    if (remember) keyed_.emplace(request.idempotency_key, keyed_effect{request.arguments.hash(), done, ordinal});
    pending_.complete(sink, std::move(done), draw_latency(request));
}

void canned_connector::cancel(call_ref ref) {
    pending_.cancel(ref);
    if (next_) next_->cancel(ref);
}

std::vector<std::string> canned_connector::unused() const {
    std::vector<std::string> out;
    for (const counted& c : answers_)
        if (c.used < c.answer.times)
            out.push_back(c.answer.skill + " (" + std::to_string(c.answer.times - c.used) + " of " +
                          std::to_string(c.answer.times) + " left)");
    return out;
}

} // namespace aivp
