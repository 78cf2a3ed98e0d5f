#include "aivp/agent/compile.hpp"

#include <string>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"
#include "tests/codec/support.hpp"

namespace {

const std::string compile_head = "schema_version: v1alpha1\nid: a\nname: A\n";

aivp::skill_registry compile_skills(const std::vector<std::string>& front_matters) {
    aivp::skill_registry registry;
    for (const std::string& text : front_matters) {
        std::vector<aivp::error> errors;
        const auto skill =
            aivp::parse_skill("schema_version: skill.v1\nversion: 1.0.0\nsummary: S\n" + text, "s.skill.yaml", errors);
        for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
        BOOST_REQUIRE(skill);
        BOOST_REQUIRE(registry.add(skill->contract));
    }
    return registry;
}

const aivp::skill_registry& some_skills() {
    static const aivp::skill_registry registry = compile_skills({
        "id: make\ninputs: {}\noutputs: {type: object, properties: {n: {type: integer}, s: {type: string}, list: "
        "{type: array, items: {type: object, properties: {id: {type: string}}}},"
        " open: {type: object, additionalProperties: true}, any: {}, map: {type: object, additionalProperties: {type: "
        "integer}},"
        " ref: {$ref: \"#/$defs/p\"}, tuple: {type: array, prefixItems: [{type: string}, {type: object, properties: "
        "{x: {}}}]},"
        " one: {oneOf: [{type: object, properties: {a: {}}}, {type: object, properties: {b: {}}}]}}, $defs: {p: {type: "
        "object, properties: {q: {type: string}}}}}\n",
        "id: take\ninputs: {type: object, required: [text], properties: {text: {type: string, minLength: 2}, number: "
        "{type: number}, list: {type: array, minItems: 2, items: {type: string}}, any: {}}}\n",
        "id: quiet\ninputs: {type: object, properties: {a: {}}}\n",
    });
    return registry;
}

std::string compile_errors(const std::string& text, const aivp::skill_registry& registry = some_skills()) {
    std::vector<aivp::error> errors;
    const auto snapshot = aivp::load_agent_text(compile_head + text, "a.yaml", registry, codec_test::zones, errors);
    BOOST_TEST((snapshot == nullptr) == !errors.empty());
    std::string found;
    for (const aivp::error& e : errors) found += (found.empty() ? "" : ", ") + std::string(aivp::info(e.code).name);
    return found;
}

aivp::snapshot_ptr compiled(const std::string& text, const aivp::skill_registry& registry = some_skills()) {
    std::vector<aivp::error> errors;
    auto snapshot = aivp::load_agent_text(compile_head + text, "a.yaml", registry, codec_test::zones, errors);
    for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
    BOOST_REQUIRE(snapshot);
    return snapshot;
}

/// What is said about `arguments` of skill take behind a step that calls make.
std::string errors_of_arguments(const std::string& arguments) {
    return compile_errors("steps:\n  - {id: made, skill: make}\n  - id: used\n    skill: take\n    with: " + arguments +
                          "\n");
}

const std::vector<aivp::step_spec>& steps_of(const aivp::snapshot_ptr& snapshot) {
    return std::get<aivp::steps_brain>(snapshot->brain).steps;
}

} // namespace

BOOST_AUTO_TEST_SUITE(compile)

BOOST_AUTO_TEST_CASE(steps_that_name_skills_get_bindings_sorted_by_name) {
    const auto snapshot = compiled("steps:\n  - {id: x, skill: take, with: {text: hello}}\n  - {id: y, skill: make}\n  "
                                   "- {id: z, use: make@1}\n  - {id: w, skill: make}\n");
    std::string names;
    for (const aivp::skill_binding& b : snapshot->bindings) names += b.as + ":" + b.skill->id + " ";
    BOOST_TEST(names == "make:make make@1:make take:take ");
    BOOST_TEST(steps_of(snapshot)[0].binding == 2U);
    BOOST_TEST(steps_of(snapshot)[1].binding == 0U);
    BOOST_TEST(steps_of(snapshot)[2].binding == 1U);
    BOOST_TEST(steps_of(snapshot)[3].binding == 0U);
    BOOST_TEST(snapshot->tools.text() == "[]");
    BOOST_TEST(snapshot->bindings[0].fixed.text() == "{}");
    BOOST_TEST(!snapshot->bindings[0].has_fixed);
}

BOOST_AUTO_TEST_CASE(references_to_declared_fields_are_accepted) {
    for (const char* reference :
         {"made.s", "made.list.0.id", "made.open.anything.below", "made.any.x.y", "made.map.k", "made.ref.q",
          "made.tuple.0", "made.tuple.1.x", "made.one.a", "made.one.b", "made", "trigger", "trigger.x"})
        BOOST_TEST(errors_of_arguments("{text: hello, any: \"${" + std::string(reference) + "}\"}") == "", reference);
}

BOOST_AUTO_TEST_CASE(references_to_what_nobody_promised_are_refused) {
    for (const char* reference : {"made.t", "made.s.x", "made.list.id", "made.list.0.name", "made.map.k.x",
                                  "made.ref.r", "made.tuple.1.y", "made.one.c", "made.n.0"})
        BOOST_TEST(errors_of_arguments("{text: hello, any: \"${" + std::string(reference) + "}\"}") ==
                       "config.reference",
                   reference);
    BOOST_TEST(errors_of_arguments("{text: hello, any: \"${used}\"}") == "config.cycle");
    BOOST_TEST(errors_of_arguments("{text: hello, any: \"${later.x}\"}") == "config.reference");
}

BOOST_AUTO_TEST_CASE(types_of_references_are_compared_as_far_as_they_are_known) {
    BOOST_TEST(errors_of_arguments("{text: \"${made.n}\"}") == "config.type");
    BOOST_TEST(errors_of_arguments("{text: \"number ${made.n}\"}") == "");
    BOOST_TEST(errors_of_arguments("{text: \"${made.any}\"}") == "");
    BOOST_TEST(errors_of_arguments("{text: hello, number: \"${made.n}\"}") == "");
    BOOST_TEST(errors_of_arguments("{text: hello, number: \"${made.s}\"}") == "config.type");
    BOOST_TEST(errors_of_arguments("{text: hello, number: \"{{made.s}}\"}") == "config.type");
    BOOST_TEST(errors_of_arguments("{text: hello, number: \"1${made.n}\"}") == "config.type");
    BOOST_TEST(errors_of_arguments("{text: hello, list: \"${made.list}\"}") == "");
    BOOST_TEST(errors_of_arguments("{text: hello, list: [\"${made.s}\", \"${made.n}\"]}") == "config.type");
    BOOST_TEST(errors_of_arguments("{text: \"${made.ref}\"}") == "config.type");
}

BOOST_AUTO_TEST_CASE(constant_arguments_are_checked_against_the_input_schema) {
    BOOST_TEST(errors_of_arguments("{text: hello}") == "");
    BOOST_TEST(errors_of_arguments("{text: x}") == "config.value");
    BOOST_TEST(errors_of_arguments("{text: 5}") == "config.type");
    BOOST_TEST(errors_of_arguments("{}") == "config.missing_key");
    BOOST_TEST(errors_of_arguments("{text: hello, txt: x}") == "config.unknown_key");
    BOOST_TEST(errors_of_arguments("{text: hello, list: [a]}") == "config.value");
    BOOST_TEST(errors_of_arguments("{text: hello, list: [a, 5]}") == "config.type");
    // A reference may turn out to be long enough; a list with one item stays one with one item.
    BOOST_TEST(errors_of_arguments("{text: \"${trigger.x}\"}") == "");
    BOOST_TEST(errors_of_arguments("{text: hello, list: [\"${made.s}\"]}") == "config.value");
    BOOST_TEST(errors_of_arguments("{text: hello, number: x, list: 7}") == "config.type, config.type");
}

BOOST_AUTO_TEST_CASE(a_granted_skill_is_not_granted_again_without_its_conditions) {
    const std::string bindings = "skill_bindings: [{as: say, use: take, fixed: {text: hello}}]\n";
    BOOST_TEST(compile_errors(bindings + "steps: [{id: s, skill: say}]\n") == "");
    BOOST_TEST(compile_errors(bindings + "steps: [{id: s, skill: take, with: {text: other}}]\n") == "config.reference");
    BOOST_TEST(compile_errors(bindings + "steps: [{id: s, skill: say, with: {text: other}}]\n") == "config.fixed");
    BOOST_TEST(compile_errors(bindings + "steps: [{id: s, skill: say}, {id: t, skill: make}]\n") == "");
}

BOOST_AUTO_TEST_CASE(fixed_arguments_are_hidden_from_the_model) {
    const auto snapshot = compiled("goal: g\nmay_abstain: false\nskill_bindings:\n  - {as: zz, use: make}\n  - {as: "
                                   "say, use: take, fixed: {text: hello, number: 5}}\n");
    BOOST_TEST(
        snapshot->tools.text() ==
        R"([{"description":"S","name":"say","parameters":{"additionalProperties":false,"properties":{"any":{},"list":{"items":{"type":"string"},"minItems":2,"type":"array"}},"required":[],"type":"object"}},{"description":"S","name":"zz","parameters":{"additionalProperties":false,"type":"object"}}])");
    BOOST_TEST(snapshot->bindings[0].as == "say");
    BOOST_TEST(snapshot->bindings[0].has_fixed);
    BOOST_TEST(*snapshot->find_binding("zz") == 1U);
    // A part of the required arguments suffices.
    BOOST_TEST(compile_errors("goal: g\nskill_bindings: [{as: say, use: take, fixed: {number: 5}}]\n") == "");
    BOOST_TEST(compile_errors("goal: g\nskill_bindings: [{as: say, use: take, fixed: {text: 5, other: 1}}]\n") ==
               "config.fixed, config.fixed");
}

BOOST_AUTO_TEST_CASE(a_model_that_may_abstain_is_offered_the_tool_for_it) {
    const auto with = compiled("goal: g\nskill_bindings: [{as: zz, use: make}]\n");
    const auto tools = aivp::items(with->tools);
    BOOST_REQUIRE_EQUAL(tools.size(), 2U);
    BOOST_TEST(*aivp::as_string(*aivp::member(tools[0], "name")) == aivp::abstain_tool);
    BOOST_TEST(compiled("goal: g\nmay_abstain: false\nskill_bindings: []\n")->tools.text() == "[]");
}

BOOST_AUTO_TEST_CASE(tool_lists_are_sorted_by_name_with_the_abstain_tool_among_them) {
    const auto snapshot =
        compiled("goal: g\nskill_bindings: [{as: zz, use: make}, {as: aa, use: take}, {as: Z, use: quiet}]\n");
    std::string names;
    for (const aivp::payload& tool : aivp::items(snapshot->tools))
        names += *aivp::as_string(*aivp::member(tool, "name")) + " ";
    BOOST_TEST(names == "Z aa abstain zz ");
}

BOOST_AUTO_TEST_CASE(each_hash_follows_what_it_is_of) {
    const std::string base = "goal: g\nskill_bindings: [{as: say, use: take, fixed: {number: 5}}]\n";
    const auto h = compiled(base)->hashes;
    BOOST_TEST((compiled("# comment\n" + base)->hashes == h));
    BOOST_TEST(
        (compiled("skill_bindings:\n  - use: take\n    as: say\n    fixed: {number: 5}\ngoal: \"g\"\n")->hashes == h));

    const auto other_goal = compiled("goal: h\nskill_bindings: [{as: say, use: take, fixed: {number: 5}}]\n")->hashes;
    BOOST_TEST((other_goal.prompts != h.prompts && other_goal.agent != h.agent && other_goal.skills == h.skills &&
                other_goal.policy == h.policy && other_goal.whole != h.whole));

    const auto other_grant = compiled("goal: g\nskill_bindings: [{as: say, use: take, fixed: {number: 6}}]\n")->hashes;
    BOOST_TEST((other_grant.policy != h.policy && other_grant.prompts == h.prompts && other_grant.skills == h.skills &&
                other_grant.whole != h.whole));

    const auto other_skill =
        compiled(base, compile_skills({"id: take\neffect: read\ninputs: {type: object, properties: {number: {}}}\n"}))
            ->hashes;
    BOOST_TEST((other_skill.skills != h.skills && other_skill.agent == h.agent && other_skill.prompts == h.prompts &&
                other_skill.policy == h.policy && other_skill.whole != h.whole));

    const auto other_limit = compiled(base + "limits: {tokens: 7}\n")->hashes;
    BOOST_TEST((other_limit.agent != h.agent && other_limit.prompts == h.prompts && other_limit.whole != h.whole));
}

BOOST_AUTO_TEST_CASE(the_rules_of_the_zone_are_part_of_the_whole_hash) {
    std::vector<aivp::error> errors;
    const std::string text = compile_head + "timezone: Europe/Berlin\ngoal: g\nskill_bindings: []\n";
    const auto winter = aivp::load_agent_text(text, "a.yaml", some_skills(), codec_test::zones, errors);
    const auto other = aivp::load_agent_text(
        text, "a.yaml", some_skills(),
        [](std::string_view name) {
            return aivp::zone_rules::make(std::string(name), {{aivp::zone_rules::far_past_s, 7200, false}});
        },
        errors);
    BOOST_REQUIRE((winter && other));
    BOOST_TEST((winter->hashes.agent == other->hashes.agent && winter->hashes.whole != other->hashes.whole));
}

BOOST_AUTO_TEST_CASE(triggers_become_schedules) {
    const auto when = [](const std::string& trigger) {
        return aivp::to_string(
            compiled("triggers: [" + trigger + "]\ngoal: g\nskill_bindings: []\n")->triggers[0].when);
    };
    BOOST_TEST(when("{type: interval, every: 10m}") == "every 10m from 1970-01-01T00:00:00Z");
    BOOST_TEST(when("{type: cron, cron: 0 9 * * 1-5}") == "cron 0 9 * * 1-5 in UTC from 1970-01-01T00:00:00Z");
    BOOST_TEST(when("{type: cron, cron: \"@every 90s\"}") == "every 1m30s from 1970-01-01T00:00:00Z");
    BOOST_TEST(when("{type: cron, cron: CRON_TZ=UTC 0 9 * * 1-5}") ==
               "cron 0 9 * * 1-5 in UTC from 1970-01-01T00:00:00Z");
    BOOST_TEST(when("{type: once, at: 2026-03-01T09:00:00Z}") == "once 2026-03-01T09:00:00Z");
    BOOST_TEST(when("{type: event, event: mail}") == "event mail");
    BOOST_TEST(when("{type: manual}") == "manual");
}

BOOST_AUTO_TEST_CASE(a_field_of_the_payload_may_come_from_any_trigger) {
    const std::string steps = "steps: [{id: s, skill: take, with: {text: \"${trigger.note}\"}}]\n";
    const std::string with_note = "{type: manual, payload: {type: object, properties: {note: {type: string}}}}";
    const std::string without =
        "{id: b, type: event, event: e, payload: {type: object, properties: {id: {type: string}}}}";
    BOOST_TEST(compile_errors("triggers: [" + with_note + ", " + without + "]\n" + steps) == "");
    BOOST_TEST(compile_errors("triggers: [" + without + "]\n" + steps) == "config.reference");
    BOOST_TEST(compile_errors("triggers: [" + without + ", {type: manual}]\n" + steps) == "");
    BOOST_TEST(compile_errors(steps) == "");
}

BOOST_AUTO_TEST_CASE(all_errors_are_reported_in_the_order_of_the_file) {
    std::vector<aivp::error> errors;
    BOOST_TEST((aivp::load_agent_text(
                    compile_head + "timezone: Nowhere\ntriggers: [{type: cron, cron: bad}]\n"
                                   "steps:\n  - {id: a, skill: nothing}\n  - {id: b, skill: take, with: {text: 5}}\n",
                    "a.yaml", some_skills(), codec_test::zones, errors) == nullptr));
    std::string found;
    for (const aivp::error& e : errors)
        found += std::string(aivp::info(e.code).name) + " " + std::to_string(e.where.line) + ", ";
    BOOST_TEST(found == "config.zone 4, cron.syntax 5, skill.unknown 7, config.type 8, ");
}

BOOST_AUTO_TEST_CASE(the_first_error_is_returned_and_all_are_appended) {
    aivp::agent_definition definition;
    definition.brain = aivp::loop_definition{};
    for (const char* name : {"x", "y"})
        definition.bindings.push_back({{name, {}, {}}, {std::string("no.") + name, {"f", 3, 4}, {}}, {}, {}});
    std::vector<aivp::error> diagnostics{{aivp::errc::usage_invalid, "kept", {}, {}, {}}};
    const auto snapshot = aivp::compile_agent(definition, some_skills(), aivp::zone_rules::utc(), diagnostics);
    BOOST_REQUIRE(!snapshot);
    BOOST_TEST(diagnostics.size() == 3U);
    BOOST_TEST((snapshot.error() == diagnostics[1]));
    BOOST_TEST(aivp::to_string(diagnostics[1].where) == "f:3:4");
}

BOOST_AUTO_TEST_CASE(a_process_agent_is_compiled_to_a_loop_with_a_program) {
    const auto agent = compiled("kind: process\nprocess: {command: [decide]}\nstate: {shared: desk}\n"
                                "skill_bindings: [{as: tell, use: take, fixed: {text: hello}}]\n");
    const auto& loop = std::get<aivp::loop_brain>(agent->brain);
    BOOST_REQUIRE(loop.program);
    BOOST_TEST((loop.program->command == std::vector<std::string>{"decide"}));
    BOOST_TEST(loop.model.name == "process:a");
    BOOST_TEST(agent->space == "shared:desk");
    BOOST_TEST(aivp::items(agent->tools).size() == 2U, "what is bound, and abstain");
    const auto other = compiled("kind: process\nprocess: {command: [decide, more]}\n");
    BOOST_TEST(other->space.empty());
    BOOST_TEST((agent->hashes.agent != other->hashes.agent));
}

BOOST_AUTO_TEST_SUITE_END()
