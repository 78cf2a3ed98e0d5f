#include "mocks/scripted_user.hpp"

#include <utility>

#include "aivp/skill/fields.hpp"

namespace aivp {

result<user_script> parse_user_script(const payload& document, std::string at) {
    field_reader in(document, field_origin::seed, at);
    user_script script;
    script.replies = in.texts("replies");
    script.echo = in.boolean_or("echo", false);
    script.echo_max = static_cast<std::uint32_t>(in.integer_or("times", script.echo_max, 0, 1'000'000));
    const auto latency = in.maybe_value("latency");
    if (in.ok() && script.echo && in.has("replies"))
        in.refuse("echo", errc::config_value, "a person has replies or is an echo");
    AIVP_CHECK(in.done());
    if (latency) {
        AIVP_TRY(script.latency, latency_model::parse(*latency, in.pointer("latency")));
    }
    return script;
}

scripted_user::scripted_user(mock_world& world, user_script script, scripted_user_options options)
    : script_(std::move(script)), options_(options), pending_(world, options.synchronous) {}

void scripted_user::ask(const user_question& question, completion_sink& sink) {
    cursor& c = asked_[question.run];
    if (c.count == 0 || c.last != question.call) ++c.count;
    c.last = question.call;
    user_completion done;
    done.ref = {question.run, question.call};
    if (script_.echo && c.count <= script_.echo_max)
        done.message = question.text;
    else if (!script_.echo && c.count <= script_.replies.size())
        done.message = payload::of_string(script_.replies[c.count - 1]);
    else
        done.ended = true;
    const duration delay = draw_for_call(script_.latency, options_.seed, "user-latency", question.agent, done.ref);
    pending_.complete(sink, std::move(done), delay);
}

} // namespace aivp
