#include "mocks/model_source.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/skill/fields.hpp"
#include "mocks/generative_model.hpp"
#include "mocks/internal/run_cursor.hpp"
#include "mocks/model_rules.hpp"

namespace aivp {

model_answer prepared_answer(model_response response) {
    model_answer a;
    a.bytes = response.content.is_null() ? 0 : static_cast<std::int64_t>(response.content.text().size());
    for (const proposed_call& c : response.calls)
        a.bytes += static_cast<std::int64_t>(c.name.size() + c.arguments.text().size());
    a.response = std::move(response);
    return a;
}

token_usage derived_usage(const model_request& request, std::int64_t answer_bytes) {
    const auto input = static_cast<std::int64_t>(request.messages.bytes() + request.tools.text().size());
    return {(input + 3) / 4, (answer_bytes + 3) / 4, 0, true};
}

std::uint32_t turn_of(const history& messages) {
    // Canonical order of keys puts the role last.
    constexpr std::string_view ending = "\"role\":\"assistant\"}";
    std::uint32_t turns = 1;
    for (const payload& m : messages.messages()) turns += m.text().ends_with(ending);
    return turns;
}

namespace {

void model_read_failure(field_reader& in, const payload& value, model_answer& a) {
    std::string name;
    if (auto text = as_string(value)) {
        name = std::move(*text);
    } else {
        field_reader one(value, field_origin::seed, in.pointer("fail"));
        name = one.text("code");
        a.message = one.text_or("message", "");
        if (auto read = one.done(); !read) in.adopt(read.error());
    }
    const error_info* const row = find_error(name);
    if (!row || row->code == errc::ok) {
        in.refuse("fail", errc::config_value,
                  "\"" + shortened(name, 60) + "\" is no error code such as model.rate_limited");
        return;
    }
    a.code = row->code;
    a.outcome = row->code == errc::model_unknown ? effect_outcome::unknown : effect_outcome::failed;
    if (a.message.empty()) a.message = row->text;
}

proposed_call model_read_call(field_reader& in, const payload& document, std::size_t index) {
    field_reader one(document, field_origin::seed, in.pointer("calls", index));
    proposed_call c;
    c.name = one.text("name");
    c.arguments = one.maybe_value("args").value_or(payload::from_canonical("{}"));
    if (one.ok() && c.name.empty()) one.refuse("name", errc::config_value, "is empty");
    if (one.ok() && !c.arguments.is_object() && !c.arguments.is_string())
        one.refuse("args", errc::config_type, "must be an object, or a string that stands for text that is no JSON");
    if (auto read = one.done(); !read) in.adopt(read.error());
    return c;
}

constexpr std::int64_t model_tokens_max = std::int64_t{1} << 53;

} // namespace

result<model_answer> parse_model_answer(const payload& document, const std::string& at) {
    field_reader in(document, field_origin::seed, at);
    const auto failure = in.maybe_value("fail");
    const auto latency = in.maybe_duration("latency");
    if (failure) {
        model_answer a;
        model_read_failure(in, *failure, a);
        a.latency = latency;
        AIVP_CHECK(in.done());
        return a;
    }
    model_response r;
    if (const auto content = in.maybe_text("content")) r.content = payload::of_string(*content);
    const auto calls = in.list("calls");
    for (std::size_t i = 0; i < calls.size(); ++i) r.calls.push_back(model_read_call(in, calls[i], i));
    r.finish = in.text_or("finish", r.calls.empty() ? "stop" : "tool_calls");
    if (const auto usage = in.maybe_value("usage")) {
        field_reader one(*usage, field_origin::seed, in.pointer("usage"));
        r.usage.input = one.integer("input", 0, model_tokens_max);
        r.usage.output = one.integer("output", 0, model_tokens_max);
        r.usage.cached_input = one.integer_or("cached_input", 0, 0, model_tokens_max);
        r.usage.reported = true;
        if (auto read = one.done(); !read) in.adopt(read.error());
    }
    if (in.ok() && r.calls.empty() && r.content.is_null() && r.finish == "stop")
        in.refuse("content", errc::config_value, "an answer has content, calls or fail");
    AIVP_CHECK(in.done());
    model_answer a = prepared_answer(std::move(r));
    a.latency = latency;
    return a;
}

struct sequence_source::cursors {
    std::unordered_map<std::uint64_t, run_cursor> of_run;
};

sequence_source::sequence_source(std::vector<model_answer> answers, sequence_end end)
    : answers_(std::move(answers)), end_(end), cursors_(std::make_unique<cursors>()) {
    AIVP_ASSERT(!answers_.empty(), "a sequence needs an answer");
    for (model_answer& a : answers_)
        if (a.bytes < 0 && a.outcome == effect_outcome::ok) a.bytes = prepared_answer(a.response).bytes;
}

sequence_source::~sequence_source() = default;

void sequence_source::forget(run_id run) { cursors_->of_run.erase(run.value); }

model_answer sequence_source::answer(const model_request& request) {
    run_cursor& c = cursors_->of_run[request.run.value];
    if (c.repeats(request.key)) return answers_[c.last];
    const auto count = static_cast<std::uint32_t>(answers_.size());
    if (c.next == count) {
        if (end_ == sequence_end::fail) {
            model_answer none;
            none.outcome = effect_outcome::failed;
            none.code = errc::script_no_rule;
            none.message = "the sequence of " + std::to_string(count) + " answers is played to its end";
            return none;
        }
        c.next = end_ == sequence_end::repeat_last ? count - 1 : 0;
    }
    c.last = c.next++;
    const model_answer& a = answers_[c.last];
    c.repeatable = a.outcome == effect_outcome::ok && !a.latency;
    c.last_key = request.key;
    return a;
}

routed_source::routed_source(std::map<std::string, std::unique_ptr<model_source>, std::less<>> by_agent,
                             std::unique_ptr<model_source> otherwise)
    : by_agent_(std::move(by_agent)), otherwise_(std::move(otherwise)) {}

void routed_source::forget(run_id run) {
    for (auto& [agent, source] : by_agent_) source->forget(run);
    if (otherwise_) otherwise_->forget(run);
}

model_answer routed_source::answer(const model_request& request) {
    const auto found = by_agent_.find(request.agent);
    if (found != by_agent_.end()) return found->second->answer(request);
    if (otherwise_) return otherwise_->answer(request);
    model_answer none;
    none.outcome = effect_outcome::failed;
    none.code = errc::script_no_rule;
    none.message = "the script says nothing about the agent \"" + std::string(request.agent) + "\"";
    return none;
}

namespace {

result<std::unique_ptr<model_source>> model_parse_sequence(field_reader& in) {
    std::vector<model_answer> answers;
    const auto list = in.list("sequence");
    for (std::size_t i = 0; i < list.size(); ++i) {
        AIVP_TRY(auto a, parse_model_answer(list[i], in.pointer("sequence", i)));
        answers.push_back(std::move(a));
    }
    if (in.ok() && answers.empty()) in.refuse("sequence", errc::config_value, "holds no answer");
    const std::string then = in.text_or("then", "fail");
    sequence_end end = sequence_end::fail;
    if (then == "repeat_last")
        end = sequence_end::repeat_last;
    else if (then == "start_again")
        end = sequence_end::start_again;
    else if (then != "fail")
        in.refuse("then", errc::config_value, "must be fail, repeat_last or start_again");
    if (!in.ok()) return std::unexpected(in.done().error());
    return std::make_unique<sequence_source>(std::move(answers), end);
}

// The one source that the members of `in` describe; null when they describe none.
result<std::unique_ptr<model_source>> model_parse_source(field_reader& in, std::uint64_t seed) {
    const bool rules = in.has("rules");
    const bool sequence = in.has("sequence");
    const bool generate = in.has("generate");
    if (rules + sequence + generate > 1) {
        in.refuse(sequence ? "sequence" : "generate", errc::config_value,
                  "a script has one of rules, sequence, generate");
        return std::unexpected(in.done().error());
    }
    if (sequence) return model_parse_sequence(in);
    if (generate) {
        AIVP_TRY(const auto options, parse_generative_options(in.value("generate"), seed, in.pointer("generate")));
        return std::make_unique<generative_source>(options);
    }
    if (!rules) return std::unique_ptr<model_source>();
    AIVP_TRY(auto list, parse_model_rules(in.value("rules"), in.pointer("rules")));
    std::optional<rule_answer> otherwise;
    if (const auto document = in.maybe_value("default")) {
        AIVP_TRY(otherwise, parse_rule_answer(*document, in.pointer("default")));
    }
    return std::make_unique<rule_source>(std::move(list), std::move(otherwise));
}

} // namespace

result<model_script> parse_model_script(const payload& document, std::uint64_t seed, std::string at) {
    field_reader in(document, field_origin::seed, at);
    if (!in.ok()) return std::unexpected(in.done().error());
    model_script script;
    AIVP_TRY(script.source, model_parse_source(in, seed));
    std::map<std::string, std::unique_ptr<model_source>, std::less<>> by_agent;
    for (const auto& [agent, part] : in.map("agents")) {
        field_reader one(part, field_origin::seed, in.pointer("agents") + pointer_step(agent));
        if (!one.ok()) return std::unexpected(one.done().error());
        AIVP_TRY(auto source, model_parse_source(one, seed));
        if (!source) one.refuse("", errc::config_missing_key, "needs one of rules, sequence, generate");
        AIVP_CHECK(one.done());
        by_agent.emplace(agent, std::move(source));
    }
    if (const auto latency = in.maybe_value("latency")) {
        AIVP_TRY(script.latencies, latency_table::parse(*latency, in.pointer("latency")));
    }
    if (in.ok() && !script.source && by_agent.empty())
        in.refuse("", errc::config_missing_key, "needs one of rules, sequence, generate, agents");
    AIVP_CHECK(in.done());
    if (!by_agent.empty())
        script.source = std::make_unique<routed_source>(std::move(by_agent), std::move(script.source));
    return script;
}

} // namespace aivp
