#include "mocks/model_rules.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/conversation.hpp"
#include "mocks/internal/run_cursor.hpp"

namespace aivp {
namespace {

constexpr std::string_view rule_open = "${";

// Calls `text_part` for what stands between references and `reference` for what stands in them. False: one is not closed.
template <class Text, class Reference>
bool rule_scan(std::string_view text, Text&& text_part, Reference&& reference) {
    while (true) {
        const std::size_t open = text.find(rule_open);
        text_part(text.substr(0, open));
        if (open == std::string_view::npos) return true;
        const std::size_t close = text.find('}', open);
        if (close == std::string_view::npos) return false;
        reference(text.substr(open + 2, close - open - 2));
        text.remove_prefix(close + 1);
    }
}

bool rule_references(std::string_view json) { return json.find(rule_open) != std::string_view::npos; }

result<void> rule_check_text(const payload& value, const std::string& at) {
    if (value.is_array()) {
        std::size_t n = 0;
        for (const payload& item : items(value)) AIVP_CHECK(rule_check_text(item, at + "/" + std::to_string(n++)));
    } else if (value.is_object()) {
        for (const auto& [key, item] : members(value)) AIVP_CHECK(rule_check_text(item, at + pointer_step(key)));
    } else if (const auto text = as_string(value)) {
        if (!rule_scan(*text, [](std::string_view) {}, [](std::string_view) {}))
            return std::unexpected(
                error{errc::config_value, at + ": a reference \"${\" is not closed", {}, {}, {{"pointer", at}}});
    }
    return {};
}

std::optional<payload> rule_value(conversation& talk, std::string_view reference) {
    if (reference == "user") return talk.user();
    const std::size_t slash = std::min(reference.find('/'), reference.size());
    const auto document = talk.tool_result(reference.substr(0, slash));
    return document ? at_pointer(*document, reference.substr(slash)) : std::nullopt;
}

// Puts values in the place of references. Keeps the first reference that has none in `missing`.
class rule_renderer {
public:
    explicit rule_renderer(conversation& talk) : talk_(talk) {}

    payload render(const payload& value) {
        if (!rule_references(value.text())) return value;
        if (value.is_array()) {
            std::vector<payload> out;
            for (const payload& item : items(value)) out.push_back(render(item));
            return payload::of_array(out);
        }
        if (value.is_object()) {
            auto out = members(value);
            for (auto& [key, item] : out) item = render(item);
            return payload::of_object(std::move(out));
        }
        const auto text = as_string(value);
        return text ? render_text(*text) : value;
    }
    const std::string& missing() const { return missing_; }

private:
    payload render_text(const std::string& text) {
        if (text.starts_with(rule_open) && text.find('}') == text.size() - 1)
            return lookup(std::string_view(text).substr(2, text.size() - 3));
        std::string out;
        rule_scan(
            text, [&](std::string_view part) { out += part; },
            [&](std::string_view reference) {
                const payload found = lookup(reference);
                const auto plain = as_string(found);
                out += plain ? *plain : std::string(found.text());
            });
        return payload::of_string(out);
    }
    payload lookup(std::string_view reference) {
        auto found = rule_value(talk_, reference);
        if (!found && missing_.empty()) missing_ = "${" + std::string(reference) + "}";
        return found ? std::move(*found) : payload();
    }

    conversation& talk_;
    std::string missing_;
};

bool rule_holds(const rule_condition& c, const model_request& request, conversation& talk) {
    if (c.model && *c.model != request.model) return false;
    if (c.agent && *c.agent != request.agent) return false;
    if (c.turn && *c.turn != talk.turn()) return false;
    if (c.last_role && *c.last_role != talk.role(talk.last())) return false;
    if (c.last_content_contains && talk.text(talk.last()).find(*c.last_content_contains) == std::string::npos)
        return false;
    if (c.tool_result_of && talk.tool_of(talk.last()) != *c.tool_result_of) return false;
    if (c.tool_failed) {
        const auto flag = member(talk.last(), "error");
        if (talk.role(talk.last()) != "tool" || (flag && as_bool(*flag).value_or(false)) != *c.tool_failed)
            return false;
    }
    if (c.offers) {
        const auto tools = items(request.tools);
        const payload wanted = payload::of_string(*c.offers);
        if (std::ranges::none_of(tools, [&](const payload& t) { return member(t, "name") == wanted; })) return false;
    }
    if (c.contains && !talk.contains(*c.contains)) return false;
    return !c.lacks || !talk.contains(*c.lacks);
}

result<rule_condition> rule_read_condition(const payload& document, const std::string& at) {
    field_reader in(document, field_origin::seed, at);
    rule_condition c;
    c.last_role = in.maybe_text("last_role");
    c.last_content_contains = in.maybe_text("last_content_contains");
    c.tool_result_of = in.maybe_text("tool_result_of");
    if (in.has("tool_failed")) c.tool_failed = in.boolean_or("tool_failed", false);
    c.turn = in.maybe_integer("turn", 1, 1'000'000);
    c.contains = in.maybe_text("contains");
    c.lacks = in.maybe_text("lacks");
    c.model = in.maybe_text("model");
    c.agent = in.maybe_text("agent");
    c.offers = in.maybe_text("offers");
    const auto& role = c.last_role;
    if (role && *role != "system" && *role != "user" && *role != "assistant" && *role != "tool")
        in.refuse("last_role", errc::config_value, "must be system, user, assistant or tool");
    AIVP_CHECK(in.done());
    return c;
}

model_answer rule_failed(const std::string& why, conversation& talk) {
    model_answer a;
    a.outcome = effect_outcome::failed;
    a.code = errc::script_no_rule;
    a.message = why + "; the last message is " + (talk.last().is_null() ? "none" : shortened(talk.last().text(), 300));
    return a;
}

} // namespace

result<rule_answer> parse_rule_answer(const payload& document, const std::string& at) {
    rule_answer r;
    AIVP_TRY(r.answer, parse_model_answer(document, at));
    const model_response& response = r.answer.response;
    r.references = rule_references(response.content.text());
    AIVP_CHECK(rule_check_text(response.content, at + "/content"));
    for (std::size_t i = 0; i < response.calls.size(); ++i) {
        r.references = r.references || rule_references(response.calls[i].arguments.text());
        AIVP_CHECK(rule_check_text(response.calls[i].arguments, at + "/calls/" + std::to_string(i) + "/args"));
    }
    return r;
}

result<std::vector<model_rule>> parse_model_rules(const payload& document, const std::string& at) {
    if (!document.is_array())
        return std::unexpected(error{errc::config_type,
                                     at + ": must be an array of rules and is " + std::string(json_kind(document)),
                                     {},
                                     {},
                                     {{"pointer", at}}});
    std::vector<model_rule> rules;
    for (const payload& one : items(document)) {
        field_reader in(one, field_origin::seed, at + "/" + std::to_string(rules.size()));
        model_rule r;
        if (const auto when = in.maybe_value("when")) {
            AIVP_TRY(r.when, rule_read_condition(*when, in.pointer("when")));
        }
        const payload respond = in.value("respond");
        r.times = static_cast<std::uint32_t>(in.integer_or("times", 0, 0, 1'000'000));
        AIVP_CHECK(in.done());
        AIVP_TRY(r.respond, parse_rule_answer(respond, in.pointer("respond")));
        rules.push_back(std::move(r));
    }
    return rules;
}

struct rule_source::memory {
    struct run {
        run_cursor cursor;
        std::vector<std::uint32_t> used; // by rule, as far as needed
    };
    std::unordered_map<std::uint64_t, run> of_run;
};

rule_source::rule_source(std::vector<model_rule> rules, std::optional<rule_answer> otherwise)
    : rules_(std::move(rules)), otherwise_(std::move(otherwise)), memory_(std::make_unique<memory>()) {}

rule_source::~rule_source() = default;

void rule_source::forget(run_id run) { memory_->of_run.erase(run.value); }

model_answer rule_source::answer(const model_request& request) {
    conversation talk(request);
    memory::run& run = memory_->of_run[request.run.value];
    std::size_t chosen = rules_.size();
    if (run.cursor.repeats(request.key)) {
        chosen = run.cursor.last;
    } else {
        run.used.resize(rules_.size());
        for (std::size_t i = 0; i < rules_.size() && chosen == rules_.size(); ++i)
            if ((rules_[i].times == 0 || run.used[i] < rules_[i].times) && rule_holds(rules_[i].when, request, talk))
                chosen = i;
        if (chosen < rules_.size()) ++run.used[chosen];
    }
    if (chosen == rules_.size() && !otherwise_)
        return rule_failed("none of the " + std::to_string(rules_.size()) + " rules fits", talk);
    const rule_answer& respond = chosen == rules_.size() ? *otherwise_ : rules_[chosen].respond;
    run.cursor.last_key = request.key;
    run.cursor.last = static_cast<std::uint32_t>(chosen);
    run.cursor.repeatable = respond.answer.outcome == effect_outcome::ok && !respond.answer.latency;
    if (!respond.references) return respond.answer;

    rule_renderer renderer(talk);
    model_response rendered = respond.answer.response;
    rendered.content = renderer.render(rendered.content);
    if (!rendered.content.is_null() && !rendered.content.is_string())
        rendered.content = payload::of_string(rendered.content.text());
    for (proposed_call& c : rendered.calls) c.arguments = renderer.render(c.arguments);
    if (!renderer.missing().empty()) {
        const std::string which = chosen == rules_.size() ? "the default answer" : "rule " + std::to_string(chosen + 1);
        return rule_failed(which + " refers to " + renderer.missing() + ", which has no value", talk);
    }
    model_answer a = prepared_answer(std::move(rendered));
    a.latency = respond.answer.latency;
    return a;
}

} // namespace aivp
