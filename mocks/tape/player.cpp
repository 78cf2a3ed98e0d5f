#include "mocks/tape/player.hpp"

#include <utility>

namespace aivp {

namespace {
constexpr std::size_t player_misses_max = 8;
constexpr std::string_view player_miss_message = "the tape has no answer to this request";
} // namespace

tape_player::tape_player(const std::vector<tape_event>& events, tape_player_options options)
    : matcher_(events), options_(std::move(options)), open_(std::make_shared<std::map<call_ref, std::uint64_t>>()) {}

void tape_player::call(const model_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const auto found = matcher_.model(options_.lane, {request.model, request.params, request.tools, request.messages});
    if (!found) {
        remember(found.error());
        return deliver(ref, {}, true, [ref, &sink] {
            sink.model_done({ref, effect_outcome::failed, {}, errc::tape_miss, std::string(player_miss_message)});
        });
    }
    const auto& recorded = std::get<tape_model_call>((*found)->body);
    deliver(ref, recorded.ending.latency, recorded.ending.answered, [ref, &recorded, &sink] {
        sink.model_done(
            {ref, recorded.ending.outcome, recorded.response, recorded.ending.code, recorded.ending.message});
    });
}

void tape_player::call(const skill_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const payload arguments =
        options_.fold_arguments ? options_.fold_arguments(request.skill, request.arguments) : request.arguments;
    const auto found = matcher_.skill(options_.lane, request.skill, arguments);
    if (!found) {
        remember(found.error());
        return deliver(ref, {}, true, [ref, &sink] {
            sink.skill_done({ref, effect_outcome::failed, {}, errc::tape_miss, std::string(player_miss_message)});
        });
    }
    const auto& recorded = std::get<tape_skill_call>((*found)->body);
    deliver(ref, recorded.ending.latency, recorded.ending.answered, [ref, &recorded, &sink] {
        sink.skill_done({ref, recorded.ending.outcome, recorded.result, recorded.ending.code, recorded.ending.message});
    });
}

// A user cannot fail; a question that the tape does not know ends the conversation.
void tape_player::ask(const user_question& question, completion_sink& sink) {
    const call_ref ref{question.run, question.call};
    const auto found = matcher_.user(options_.lane, question.text);
    if (!found) {
        remember(found.error());
        return deliver(ref, {}, true, [ref, &sink] { sink.user_done({ref, {}, true}); });
    }
    const auto& recorded = std::get<tape_user_turn>((*found)->body);
    deliver(ref, recorded.ending.latency, recorded.ending.answered,
            [ref, &recorded, &sink] { sink.user_done({ref, recorded.message, recorded.ended}); });
}

void tape_player::cancel(call_ref ref) { open_->erase(ref); }

void tape_player::deliver(call_ref ref, duration latency, bool answered, std::function<void()> complete) {
    if (!answered) return;
    if (!options_.world) return complete();
    const std::uint64_t ticket = ++last_ticket_;
    (*open_)[ref] = ticket;
    options_.world->after(latency, [open = open_, ref, ticket, complete = std::move(complete)] {
        const auto at = open->find(ref);
        if (at == open->end() || at->second != ticket) return;
        open->erase(at);
        complete();
    });
}

void tape_player::remember(tape_miss m) {
    ++missed_;
    if (misses_.size() < player_misses_max) misses_.push_back(std::move(m));
}

tape_verdict tape_player::verdict() const {
    tape_verdict v;
    v.matched_model = matcher_.used(tape_kind::model_call);
    v.matched_skill = matcher_.used(tape_kind::skill_call);
    v.matched_user = matcher_.used(tape_kind::user_turn);
    v.matched = v.matched_model + v.matched_skill;
    v.missed = missed_;
    v.unused_events = matcher_.unused();
    v.unused = v.unused_events.size();
    v.misses = misses_;
    return v;
}

} // namespace aivp
