#include "runtime/codec/agent_file.hpp"

#include <string>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace {

const std::string agent_head = "schema_version: v1alpha1\nid: a\nname: A\n";
const std::string one_step = "steps: [{id: s, skill: kv.get}]\n";

aivp::agent_definition agent_from(std::string_view text, const std::string& file = "a.yaml") {
    std::vector<aivp::error> errors;
    auto agent = aivp::parse_agent(text, file, errors);
    for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
    BOOST_REQUIRE(agent);
    return std::move(*agent);
}

aivp::trigger_definition trigger_from(const std::string& text) {
    const auto agent = agent_from(agent_head + text + one_step);
    BOOST_REQUIRE_EQUAL(agent.triggers.size(), 1U);
    return agent.triggers.front();
}

const aivp::loop_definition& loop_of(const aivp::agent_definition& agent) {
    return std::get<aivp::loop_definition>(agent.brain);
}

} // namespace

BOOST_AUTO_TEST_SUITE(agent_files)

// The shape of the published step template: steps that name skills and nothing else, no kind, a schedule in minutes.
BOOST_AUTO_TEST_CASE(a_published_step_style_file_is_read) {
    const auto agent = agent_from("schema_version: v1alpha1\nid: mail-to-sheet\nname: Mail to sheet\ntimezone: UTC\n"
                                  "trigger:\n  type: schedule\n  every_minutes: 10\n"
                                  "steps:\n  - id: fetch\n    skill: gmail.fetch\n  - id: append\n    skill: "
                                  "gsheet.append_row\n  - id: report\n    skill: telegram.post_message\n");
    BOOST_TEST((agent.triggers[0].kind == aivp::trigger_kind::interval));
    BOOST_TEST(agent.triggers[0].every.us == 600'000'000);
    const auto& steps = std::get<std::vector<aivp::step_definition>>(agent.brain);
    BOOST_TEST(steps.size() == 3U);
    BOOST_TEST(steps[1].skill.text == "gsheet.append_row");
    BOOST_TEST(aivp::to_string(steps[1].skill.where) == "a.yaml:12:12");
    BOOST_TEST(agent.bindings.empty());
}

// The shape of the published goal-style file: a goal in prose, bindings with partly fixed inputs, created_at.
BOOST_AUTO_TEST_CASE(a_published_goal_style_file_is_read) {
    const auto agent = agent_from(
        "schema_version: v1alpha1\nkind: agent\nid: documenter\nname: Expense documenter\ntimezone: Asia/Tel_Aviv\n"
        "trigger: {type: schedule, every_minutes: 600}\n"
        "goal: >\n  Find receipts of the last 90 days in the inbox that are not labelled yet,\n  and document them.\n"
        "skill_bindings:\n"
        "  - {as: scan, use: gmail.inbox_label_delta_scan, fixed: {lookback_days: 90, label: documented}}\n"
        "  - {as: label, use: gmail.apply_label, fixed: {label: documented}}\n"
        "  - {as: rows, use: gsheet.append_row}\n"
        "created_at: 2026-01-15T08:00:00Z\n");
    BOOST_TEST(agent.zone.text == "Asia/Tel_Aviv");
    BOOST_TEST(agent.triggers[0].every.us == 36'000'000'000);
    BOOST_TEST(loop_of(agent).goal ==
               "Find receipts of the last 90 days in the inbox that are not labelled yet, and document them.\n");
    BOOST_TEST(agent.bindings.size() == 3U);
    BOOST_TEST(agent.bindings[0].fixed->value.text() == R"({"label":"documented","lookback_days":90})");
    BOOST_TEST(loop_of(agent).model.name == "default");
    BOOST_TEST(loop_of(agent).model.params.text() == "{}");
}

BOOST_AUTO_TEST_CASE(what_an_agent_does_not_say_has_finite_defaults) {
    const auto agent = agent_from(agent_head + one_step);
    BOOST_TEST(agent.zone.text == "UTC");
    BOOST_TEST((agent.triggers[0].kind == aivp::trigger_kind::manual));
    BOOST_TEST(agent.triggers[0].id == "trigger");
    BOOST_TEST((agent.limits == aivp::run_limits{}));
    BOOST_TEST(agent.limits.skill_calls == 200U);
    const auto& step = std::get<std::vector<aivp::step_definition>>(agent.brain)[0];
    BOOST_TEST((step.error_policy == aivp::on_error::abort));
    BOOST_TEST((!step.with && !step.when && !step.abstain));
}

BOOST_AUTO_TEST_CASE(every_form_of_trigger_is_read) {
    using aivp::trigger_kind;
    BOOST_TEST(trigger_from("trigger: {type: schedule}\n").every.us == 600'000'000);
    BOOST_TEST(trigger_from("trigger: {type: event, every_minutes: 10}\n").event == "a");
    BOOST_TEST(trigger_from("trigger: {type: event, event: mail}\n").event == "mail");
    BOOST_TEST((trigger_from("trigger: {type: manual}\n").kind == trigger_kind::manual));
    BOOST_TEST(trigger_from("triggers: [{type: interval, every: 1h30m}]\n").every.us == 5'400'000'000);
    BOOST_TEST(trigger_from("triggers: [{type: schedule, every_minutes: 7}]\n").every.us == 420'000'000);
    BOOST_TEST(trigger_from("triggers: [{type: schedule}]\n").every.us == 600'000'000);
    BOOST_TEST(trigger_from("triggers: [{type: cron, cron: 0 9 * * 1-5}]\n").cron.text == "0 9 * * 1-5");
    BOOST_TEST(trigger_from("triggers: [{type: once, at: 2026-03-01T09:00:00+01:00}]\n").at.us ==
               1'772'352'000'000'000);
    const auto event = trigger_from("triggers: [{id: new-mail, type: event, event: mail.received, payload: {type: "
                                    "object}, overlap: refuse, queue_max: 3}]\n");
    BOOST_TEST((event.kind == trigger_kind::event));
    BOOST_TEST(event.id == "new-mail");
    BOOST_TEST(event.payload_schema->value.text() == R"({"type":"object"})");
    BOOST_TEST((event.overlap == aivp::overlap_policy::refuse));
    BOOST_TEST(event.queue_max == 3U);
}

BOOST_AUTO_TEST_CASE(triggers_without_an_id_are_numbered) {
    const auto agent =
        agent_from(agent_head + "triggers: [{type: manual}, {type: manual}, {id: x, type: manual}]\n" + one_step);
    BOOST_TEST(agent.triggers[0].id == "trigger");
    BOOST_TEST(agent.triggers[1].id == "trigger-2");
    BOOST_TEST(agent.triggers[2].id == "x");
}

BOOST_AUTO_TEST_CASE(the_model_holds_exactly_what_the_file_sets) {
    const auto model = [](const std::string& text) {
        return loop_of(agent_from(agent_head + "goal: g\nskill_bindings: []\nmodel: " + text + "\n")).model;
    };
    const auto full = model("{name: m, max_output_tokens: 100, temperature: 0.7, price: {input_usd_per_mtok: 3.00, "
                            "output_usd_per_mtok: 15, cached_input_usd_per_mtok: 0.3}}");
    BOOST_TEST(full.params.text() == R"({"max_output_tokens":100,"temperature_milli":700})");
    BOOST_TEST(full.max_output_tokens == 100);
    BOOST_TEST(full.price.input.value == 3'000'000);
    BOOST_TEST(full.price.output.value == 15'000'000);
    BOOST_TEST(full.price.cached_input.value == 300'000);
    BOOST_TEST(model("{name: m}").params.text() == "{}");
    BOOST_TEST(model("{name: m}").max_output_tokens == 4096);
    BOOST_TEST(model("{name: m, temperature: 2}").params.text() == R"({"temperature_milli":2000})");
    BOOST_TEST(model("{name: m, temperature: 0.125}").params.text() == R"({"temperature_milli":125})");
    BOOST_TEST(model("{name: m, price: {input_usd_per_mtok: 2}}").price.cached_input.value == 2'000'000);
}

BOOST_AUTO_TEST_CASE(limits_are_read_with_their_units) {
    const auto limits = agent_from(agent_head + one_step +
                                   "limits: {skill_calls: 0, model_turns: 2, tokens: 3000000000, budget_usd: 0.000001, "
                                   "run_timeout: 2h, step_timeout: 250ms, repeated_calls: 1}\n")
                            .limits;
    BOOST_TEST(limits.skill_calls == 0U);
    BOOST_TEST(limits.model_turns == 2U);
    BOOST_TEST(limits.tokens == 3'000'000'000);
    BOOST_TEST(limits.budget.value == 1);
    BOOST_TEST(limits.run_timeout.us == 7'200'000'000);
    BOOST_TEST(limits.step_timeout.us == 250'000);
    BOOST_TEST(limits.repeated_calls == 1U);
}

BOOST_AUTO_TEST_CASE(json_and_yaml_of_the_same_agent_are_the_same_document) {
    const auto yaml = agent_from(
        agent_head + "goal: g\nskill_bindings: [{as: x, use: kv.get, fixed: {key: k}}]\nmetadata: {n: 0x10, f: .5}\n");
    const auto json = agent_from(
        R"({"schema_version":"v1alpha1","id":"a","name":"A","goal":"g","skill_bindings":[{"as":"x","use":"kv.get","fixed":{"key":"k"}}],"metadata":{"n":16,"f":0.5}})",
        "a.json");
    BOOST_TEST(yaml.document.text() == json.document.text());
    // What was read can be written as canonical JSON and read again.
    const auto again = agent_from(yaml.document.text(), "b.json");
    BOOST_TEST((again.document == yaml.document));
    BOOST_TEST(again.bindings[0].fixed->value.text() == yaml.bindings[0].fixed->value.text());
}

BOOST_AUTO_TEST_CASE(steps_keep_conditions_error_policies_and_reasons) {
    const auto agent =
        agent_from(agent_head + "steps:\n  - {id: a, use: kv.get@1, with: {key: k}, on_error: continue}\n  - id: b\n   "
                                " when: a.found == false\n    abstain: nothing there\n");
    const auto& steps = std::get<std::vector<aivp::step_definition>>(agent.brain);
    BOOST_TEST(steps[0].skill.text == "kv.get@1");
    BOOST_TEST((steps[0].error_policy == aivp::on_error::proceed));
    BOOST_TEST(steps[1].when->text == "a.found == false");
    BOOST_TEST(steps[1].abstain->text == "nothing there");
}

BOOST_AUTO_TEST_CASE(lists_and_errors_have_an_end) {
    const auto errors_of = [](const std::string& text) {
        std::vector<aivp::error> errors;
        BOOST_TEST(!aivp::parse_agent(agent_head + text, "a.yaml", errors).has_value());
        return errors;
    };
    const auto many = [](const std::string& item, int count) {
        std::string text;
        for (int i = 0; i < count; ++i) text += item;
        return text;
    };
    const std::pair<std::string, std::uint32_t> lists[] = {
        {"steps:\n" + many("  - {id: a, skill: b}\n", 1001), 1005},
        {"goal: g\nskill_bindings:\n" + many("  - {as: a, use: b}\n", 257), 262},
        {one_step + "triggers:\n" + many("  - {type: manual}\n", 101), 106},
    };
    for (const auto& [text, line] : lists) {
        const auto errors = errors_of(text);
        BOOST_REQUIRE_EQUAL(errors.size(), 1U);
        BOOST_TEST((errors[0].code == aivp::errc::config_range));
        BOOST_TEST(errors[0].where.line == line);
    }
    std::string unknown_keys = one_step;
    for (int i = 0; i < 5000; ++i) unknown_keys += "k" + std::to_string(i) + ": 1\n";
    BOOST_TEST(errors_of(unknown_keys).size() == 100U);
}

BOOST_AUTO_TEST_CASE(a_program_decides_in_a_model_s_place) {
    const auto agent =
        agent_from(agent_head + "kind: process\nprocess:\n  command: [python3, \"{folder}/decide.py\", \"-v\"]\n"
                                "  sandbox: rlimits\n  wall_time: 20s\n  memory: 64MiB\n  output: 4KiB\n"
                                "  price: {input_usd_per_mtok: 2}\n  retry: {attempts: 3}\n"
                                "skill_bindings: [{as: tell, use: chat.post}]\nends_after: [tell]\nmay_abstain: false\n"
                                "goal: Tell.\n");
    const auto& loop = loop_of(agent);
    BOOST_REQUIRE(loop.program);
    BOOST_TEST(
        (*loop.program ==
         aivp::brain_program{{"python3", "{folder}/decide.py", "-v"}, "rlimits", aivp::seconds(20), 64u << 20, 4096}));
    BOOST_TEST(loop.goal == "Tell.");
    BOOST_TEST(loop.model.name == "process:a");
    BOOST_TEST(loop.model.params.text() == "{}");
    BOOST_TEST(loop.model.price.input.value == 2'000'000);
    BOOST_TEST(loop.model.retry.max_attempts == 3U);
    BOOST_TEST(loop.ends_after.size() == 1U);
    BOOST_TEST(!loop.may_abstain);
}

BOOST_AUTO_TEST_CASE(a_process_agent_needs_no_more_than_a_command) {
    const auto agent = agent_from(agent_head + "kind: process\nprocess: {command: [decide]}\n");
    const auto& loop = loop_of(agent);
    BOOST_REQUIRE(loop.program);
    BOOST_TEST((*loop.program == aivp::brain_program{{"decide"}, "", {}, 0, 0}));
    BOOST_TEST(loop.goal == "A");
    BOOST_TEST(loop.model.price.input.value == 0);
    BOOST_TEST(loop.may_abstain);
    BOOST_TEST(agent.bindings.empty());
    BOOST_TEST(!loop_of(agent_from(agent_head + "goal: g\nskill_bindings: []\n")).program);
}

BOOST_AUTO_TEST_CASE(key_value_state_is_the_agent_s_own_unless_the_file_names_a_shared_one) {
    BOOST_TEST(agent_from(agent_head + one_step).shared_state.empty());
    BOOST_TEST(agent_from(agent_head + one_step + "state: {}\n").shared_state.empty());
    BOOST_TEST(agent_from(agent_head + one_step + "state: {shared: front.desk-1}\n").shared_state == "front.desk-1");
}

BOOST_AUTO_TEST_SUITE_END()
