#include "runtime/daemon/internal/live_ports.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "aivp/skill/kv.hpp"

namespace aivp::internal {

namespace {

constexpr std::string_view built_in = "kv.";

/// What the caller can do something about; anything else is the store's trouble.
bool is_refusal(errc code) {
    return code == errc::skill_unknown_operation || code == errc::skill_bad_request || code == errc::skill_conflict ||
           code == errc::idem_other_args;
}

skill_completion failed_with(call_ref ref, const error& e) {
    if (is_refusal(e.code)) return {ref, effect_outcome::failed, failure_details(e), e.code, e.message};
    if (e.code == errc::store_commit_unknown)
        return {ref, effect_outcome::unknown, {}, errc::skill_outcome_unknown, e.message};
    return {ref, effect_outcome::failed, {}, errc::skill_unavailable, e.message};
}

/// The mock's rule: a key that came before with the same arguments gets the answer of then, and what failed is forgotten.
result<payload> perform_once(const skill_request& request, std::string_view operation, kept_values& values) {
    AIVP_TRY(const auto before, values.effect_of(request.idempotency_key));
    if (before && before->skill == request.skill && before->arguments == request.arguments.hash())
        return before->result;
    if (before) return std::unexpected(key_used_before(request.skill, before->skill));
    std::string target;
    AIVP_TRY(payload answer, perform_kv(operation, request.arguments, values, target));
    AIVP_CHECK(values.keep_effect(request.idempotency_key, request.run,
                                  {std::string(request.skill), request.arguments.hash(), answer}));
    return answer;
}

} // namespace

bool skill_router::serves(std::string_view skill) const {
    if ((programs_ && programs_->serves(skill)) || (calls_ && calls_->serves(skill))) return true;
    return skill.starts_with(built_in) &&
           std::ranges::binary_search(kv_operations(), skill.substr(built_in.size()), std::less<>());
}

void skill_router::call(const skill_request& request, completion_sink& sink) {
    if (programs_ && programs_->serves(request.skill)) return programs_->call(request, sink);
    if (calls_ && calls_->serves(request.skill)) return calls_->call(request, sink);
    if (request.skill.starts_with(built_in))
        return sink.skill_done(perform_built_in(request, request.skill.substr(built_in.size())));
    sink.skill_done({{request.run, request.call},
                     effect_outcome::failed,
                     {},
                     errc::connector_missing,
                     "the configuration does not say how `" + std::string(request.skill) +
                         "` is performed; add it below `skills:` in aivp.yaml"});
}

void skill_router::cancel(call_ref ref) {
    if (programs_) programs_->cancel(ref);
    if (calls_) calls_->cancel(ref);
}

skill_completion skill_router::perform_built_in(const skill_request& request, std::string_view operation) {
    const call_ref ref{request.run, request.call};
    const bool keyed = request.takes_key && request.idempotency_key;
    payload answer;
    const auto perform = [&](kept_values& values) -> result<void> {
        std::string target;
        auto done =
            keyed ? perform_once(request, operation, values) : perform_kv(operation, request.arguments, values, target);
        if (!done) return std::unexpected(std::move(done).error());
        answer = std::move(*done);
        return {};
    };
    const auto done = kv_writes(operation) || keyed ? store_.kv_change(space_of(request), seq_(), perform)
                                                    : store_.kv_look(space_of(request), perform);
    if (!done) return failed_with(ref, done.error());
    return {ref, effect_outcome::ok, std::move(answer), errc::ok, {}};
}

void model_router::call(const model_request& request, completion_sink& sink) {
    if (programs_ && request.model.starts_with(program_model_prefix)) return programs_->call(request, sink);
    const auto it = providers_.find(request.model);
    if (it != providers_.end()) return it->second->call(request, sink);
    sink.model_done({{request.run, request.call},
                     effect_outcome::failed,
                     {},
                     errc::connector_missing,
                     "the configuration does not say where the model `" + std::string(request.model) +
                         "` is; add it below `models:` in aivp.yaml"});
}

void model_router::cancel(call_ref ref) {
    if (programs_) programs_->cancel(ref);
    for (const auto& [name, provider] : providers_) provider->cancel(ref);
}

void waiting_questions::ask(const user_question& asked, completion_sink& sink) {
    open_.insert_or_assign(asked.run, question{{asked.run, asked.call}, std::string(asked.agent), asked.text, &sink});
}

bool waiting_questions::answer(run_id run, payload message, bool ended) {
    const auto it = open_.find(run);
    if (it == open_.end()) return false;
    const question q = it->second;
    open_.erase(it);
    q.sink->user_done({q.ref, std::move(message), ended});
    return true;
}

} // namespace aivp::internal
