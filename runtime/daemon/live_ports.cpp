#include "runtime/daemon/internal/live_ports.hpp"

#include <utility>

namespace aivp::internal {

namespace {

constexpr std::string_view kv_get_skill = "kv.get";
constexpr std::string_view kv_set_skill = "kv.set";

std::string key_of(const skill_request& request) {
    const auto key = member(request.arguments, "key");
    return key ? as_string(*key).value_or("") : "";
}

skill_completion store_said_no(call_ref ref, const error& e) {
    return {ref, effect_outcome::failed, {}, errc::skill_unavailable, e.message};
}

} // namespace

bool skill_router::serves(std::string_view skill) const {
    return (programs_ && programs_->serves(skill)) || (calls_ && calls_->serves(skill)) || skill == kv_get_skill ||
           skill == kv_set_skill;
}

void skill_router::call(const skill_request& request, completion_sink& sink) {
    if (programs_ && programs_->serves(request.skill)) return programs_->call(request, sink);
    if (calls_ && calls_->serves(request.skill)) return calls_->call(request, sink);
    if (request.skill == kv_get_skill) return sink.skill_done(get_value(request));
    if (request.skill == kv_set_skill) return sink.skill_done(set_value(request));
    sink.skill_done({{request.run, request.call},
                     effect_outcome::failed,
                     {},
                     errc::connector_missing,
                     "the configuration does not say how `" + std::string(request.skill) + "` is performed"});
}

void skill_router::cancel(call_ref ref) {
    if (programs_) programs_->cancel(ref);
    if (calls_) calls_->cancel(ref);
}

skill_completion skill_router::get_value(const skill_request& request) {
    const call_ref ref{request.run, request.call};
    auto value = store_.kv_get(space_of(request), key_of(request));
    if (!value) return store_said_no(ref, value.error());
    return {ref,
            effect_outcome::ok,
            payload::of_object({{"found", payload::of_bool(value->has_value())},
                                {"value", *value ? payload::from_canonical(std::move(**value)) : payload()}}),
            errc::ok,
            {}};
}

/// Repeating it changes nothing more; only `previous` then is the value itself.
skill_completion skill_router::set_value(const skill_request& request) {
    const call_ref ref{request.run, request.call};
    const std::string key = key_of(request);
    auto before = store_.kv_get(space_of(request), key);
    if (!before) return store_said_no(ref, before.error());
    const payload value = member(request.arguments, "value").value_or(payload());
    if (auto put = store_.kv_put(space_of(request), key, value.text(), seq_()); !put)
        return store_said_no(ref, put.error());
    return {ref,
            effect_outcome::ok,
            payload::of_object({{"previous", *before ? payload::from_canonical(std::move(**before)) : payload()}}),
            errc::ok,
            {}};
}

void model_router::call(const model_request& request, completion_sink& sink) {
    if (programs_ && request.model.starts_with(program_model_prefix)) return programs_->call(request, sink);
    const auto it = providers_.find(request.model);
    if (it != providers_.end()) return it->second->call(request, sink);
    sink.model_done({{request.run, request.call},
                     effect_outcome::failed,
                     {},
                     errc::connector_missing,
                     "the configuration does not say where the model `" + std::string(request.model) + "` is"});
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
