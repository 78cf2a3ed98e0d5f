#include "mocks/tape/recorder.hpp"

#include <utility>

#include "aivp/base/assert.hpp"

namespace aivp {

namespace {

tape_ending recorder_unanswered(errc code) { return {effect_outcome::unknown, code, "no answer came", {}, false}; }

} // namespace

tape_recorder::tape_recorder(model_provider& models, connector_port& connector, user_channel& users,
                             tape_recorder_options options)
    : options_(std::move(options)),
      completions_(*this),
      models_(models, *this),
      connector_(connector, *this),
      users_(users, *this) {
    AIVP_ASSERT(options_.now != nullptr, "a recorder needs to know the time");
}

void tape_recorder::append(run_id run, tape_body body) {
    std::vector<tape_event>& events = runs_[run].events;
    tape_event e;
    e.seq.value = events.size() + 1;
    e.at = options_.now();
    e.lane = options_.lane;
    e.body = std::move(body);
    events.push_back(std::move(e));
}

void tape_recorder::open(call_ref ref, tape_body body, completion_sink& sink, std::string name) {
    append(ref.run, std::move(body));
    const std::vector<tape_event>& events = runs_[ref.run].events;
    open_[ref] = {&sink, events.size() - 1, events.back().at, std::move(name)};
}

tape_recorder::settled tape_recorder::settle(call_ref ref) {
    const auto at = open_.find(ref);
    if (at == open_.end()) {
        const auto before = settled_.find(ref);
        return {before == settled_.end() ? nullptr : before->second, nullptr, {}, {}};
    }
    const open_event o = std::move(at->second);
    open_.erase(at);
    settled_[ref] = o.sink;
    const auto run = runs_.find(ref.run);
    tape_event* event = run == runs_.end() ? nullptr : &run->second.events[o.event];
    return {o.sink, event, options_.now() - o.at, o.name};
}

void tape_recorder::close(call_ref ref) {
    const auto at = open_.find(ref);
    if (at == open_.end()) return;
    settled_[ref] = at->second.sink;
    open_.erase(at);
}

void tape_recorder::run_started(run_id run, std::string agent, payload trigger) {
    runs_[run].manifest.trigger = trigger;
    append(run, tape_run_started{std::move(agent), std::move(trigger)});
}

void tape_recorder::call_refused(run_id run, tape_engine_refusal refusal) { append(run, std::move(refusal)); }

void tape_recorder::run_finished(run_id run, tape_run_finished outcome) {
    runs_[run].manifest.outcome = outcome;
    append(run, std::move(outcome));
}

std::vector<run_id> tape_recorder::runs() const {
    std::vector<run_id> out;
    for (const auto& [run, record] : runs_) out.push_back(run);
    return out;
}

tape tape_recorder::tape_of(run_id run) const {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return {};
    return {found->second.manifest, found->second.events, {}};
}

void tape_recorder::forget(run_id run) {
    runs_.erase(run);
    std::erase_if(settled_, [run](const auto& entry) { return entry.first.run == run; });
}

void tape_recorder::completion_tap::model_done(model_completion c) {
    const settled s = owner_.settle(c.ref);
    if (s.event) {
        auto& body = std::get<tape_model_call>(s.event->body);
        body.ending = {c.outcome, c.code, c.message, s.latency, true};
        body.response = owner_.options_.fold_response ? owner_.options_.fold_response(s.name, c.response) : c.response;
    }
    if (s.sink) s.sink->model_done(std::move(c));
}

void tape_recorder::completion_tap::skill_done(skill_completion c) {
    const settled s = owner_.settle(c.ref);
    if (s.event) {
        auto& body = std::get<tape_skill_call>(s.event->body);
        body.ending = {c.outcome, c.code, c.message, s.latency, true};
        body.result = owner_.options_.fold_result ? owner_.options_.fold_result(s.name, c.result) : c.result;
    }
    if (s.sink) s.sink->skill_done(std::move(c));
}

void tape_recorder::completion_tap::user_done(user_completion c) {
    const settled s = owner_.settle(c.ref);
    if (s.event) {
        auto& body = std::get<tape_user_turn>(s.event->body);
        body.ending = {effect_outcome::ok, errc::ok, {}, s.latency, true};
        body.message = c.message;
        body.ended = c.ended;
    }
    if (s.sink) s.sink->user_done(std::move(c));
}

// Timers are armed at another port and never fire here.
void tape_recorder::completion_tap::timer_fired(timer_key) {}

void tape_recorder::model_tap::call(const model_request& request, completion_sink& sink) {
    tape_model_call body;
    body.model = request.model;
    body.params = request.params;
    body.tools_hash = request.tools.hash();
    body.tools = request.tools;
    body.messages = request.messages;
    body.ending = recorder_unanswered(errc::model_unknown);
    owner_.runs_[request.run].manifest.model = body.model;
    owner_.open({request.run, request.call}, std::move(body), sink, std::string(request.agent));
    next_.call(request, owner_.completions_);
}

void tape_recorder::model_tap::cancel(call_ref ref) {
    owner_.close(ref);
    next_.cancel(ref);
}

void tape_recorder::connector_tap::call(const skill_request& request, completion_sink& sink) {
    const auto& fold = owner_.options_.fold_arguments;
    tape_skill_call body;
    body.skill = request.skill;
    body.version = request.skill_version;
    body.as = request.as;
    body.effect = request.effect;
    body.arguments = fold ? fold(request.skill, request.arguments) : request.arguments;
    body.ending = recorder_unanswered(errc::skill_outcome_unknown);
    std::string skill = body.skill;
    owner_.open({request.run, request.call}, std::move(body), sink, std::move(skill));
    next_.call(request, owner_.completions_);
}

void tape_recorder::connector_tap::cancel(call_ref ref) {
    owner_.close(ref);
    next_.cancel(ref);
}

void tape_recorder::user_tap::ask(const user_question& question, completion_sink& sink) {
    tape_user_turn body;
    body.text = question.text;
    body.ending = recorder_unanswered(errc::ok);
    owner_.open({question.run, question.call}, std::move(body), sink);
    next_.ask(question, owner_.completions_);
}

void tape_recorder::user_tap::cancel(call_ref ref) {
    owner_.close(ref);
    next_.cancel(ref);
}

} // namespace aivp
