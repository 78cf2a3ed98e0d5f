#include "aivp/engine/gate.hpp"

#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr instant now = spec::start;
const std::string path_schema =
    R"({"additionalProperties":false,"properties":{"path":{"type":"string"},"token":{"type":"string"},"n":{"type":"integer"}},"required":["path"],"type":"object"})";

/// One proposal, and all that its context points to.
struct proposal {
    explicit proposal(skill_options options = {}, binding_options binding = {}, run_limits limits = {}) {
        if (options.input_schema == "{}") options.input_schema = path_schema;
        options.where = {"skills/files.write.md", 3, 1};
        binding.where = {"agents/a.yaml", 7, 5};
        agent = make_steps_agent("a", {make_binding("write", make_skill("files.write", options), binding)}, {},
                                 {.limits = limits});
        run_is({4});
        run.snapshot = agent;
        run.deadline = now + hours(1);
    }
    void run_is(run_id id, const effect_key& journal = {}) {
        run.id = id;
        run.effect_seed = effect_seed_of(journal, id, *agent);
    }
    refusal_ptr pass(std::string_view arguments, std::string_view as = "write", call_id call = {9}) {
        proposed = json(arguments);
        context.emplace(
            gate_context{.snapshot = *agent, .run = run, .now = now, .call = call, .as = as, .proposed = proposed});
        return pass_gate(*context);
    }
    snapshot_ptr agent;
    run_state run;
    payload proposed;
    std::optional<gate_context> context;
};

void check_refusal(const refusal_ptr& r, errc code, gate_stage stage, std::string_view decided_by) {
    BOOST_REQUIRE(r);
    BOOST_TEST(info(r->code).name == info(code).name);
    BOOST_TEST(to_string(r->stage) == to_string(stage));
    BOOST_TEST(r->decided_by == decided_by);
    BOOST_TEST(!r->message.empty());
    BOOST_TEST(!r->help.empty());
}

} // namespace

BOOST_AUTO_TEST_SUITE(gate)

BOOST_AUTO_TEST_CASE(the_stages_stand_in_their_documented_order_up_to_the_commit) {
    std::string order;
    for (const auto& entry : gate_stages()) order += std::string(to_string(entry.stage)) + " ";
    BOOST_TEST(order == "resolve validate capability policy approval reserve idempotency lease secrets redact ");
}

BOOST_AUTO_TEST_CASE(a_granted_call_with_valid_arguments_passes) {
    proposal p;
    BOOST_TEST(p.pass(R"({"path":"/a"})") == nullptr);
    BOOST_TEST(p.context->binding == 0U);
    BOOST_TEST(p.context->arguments.text() == R"({"path":"/a"})");
    BOOST_TEST(p.context->recorded.same_as(p.context->arguments));
    BOOST_TEST(!p.context->has_secrets);
    BOOST_TEST(static_cast<bool>(p.context->idempotency_key));
    BOOST_TEST(p.context->deadline.us == (now + seconds(60)).us);
}

BOOST_AUTO_TEST_CASE(a_skill_that_is_not_bound_is_refused_by_the_snapshot) {
    proposal p;
    const auto r = p.pass("{}", "remove");
    check_refusal(r, errc::skill_unknown, gate_stage::resolve, "snapshot " + to_hex(p.agent->hashes.whole, 8));
    BOOST_TEST(p.context->binding == no_binding);
}

BOOST_AUTO_TEST_CASE(a_skill_that_is_switched_off_is_refused) {
    proposal p({.enabled = false});
    check_refusal(p.pass(R"({"path":"/a"})"), errc::skill_disabled, gate_stage::resolve, "skill files.write@1.0.0");
}

BOOST_AUTO_TEST_CASE(what_decided_does_not_depend_on_where_a_file_was_loaded_from) {
    proposal p({.enabled = false});
    BOOST_TEST(p.pass(R"({"path":"/a"})")->decided_by.find("skills/") == std::string::npos);
    proposal q({}, {.fixed = R"({"path":"/fixed"})"});
    BOOST_TEST(q.pass(R"({"path":"/b"})")->decided_by.find("agents/") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(arguments_that_are_no_object_are_refused) {
    proposal p;
    for (const char* text : {"null", "[]", "3", R"("{\"path\":")"})
        check_refusal(p.pass(text), errc::args_not_json, gate_stage::validate, "files.write");
}

BOOST_AUTO_TEST_CASE(arguments_above_one_mebibyte_are_refused) {
    proposal p;
    const auto sized = [](std::size_t bytes) { return R"({"path":")" + std::string(bytes - 11, 'x') + R"("})"; };
    BOOST_TEST(p.pass(sized(argument_bytes_max)) == nullptr);
    check_refusal(p.pass(sized(argument_bytes_max + 1)), errc::args_limit, gate_stage::validate, "argument_bytes_max");
}

BOOST_AUTO_TEST_CASE(an_argument_that_the_schema_does_not_know_is_refused_as_such) {
    proposal p;
    const auto r = p.pass(R"({"path":"/a","mode":1})");
    check_refusal(r, errc::args_unknown, gate_stage::validate, "input schema of files.write@1.0.0");
    BOOST_TEST(r->message.find("/mode") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(arguments_that_break_the_schema_are_refused_without_showing_a_value) {
    proposal p;
    for (const char* text : {R"({"path":4711})", R"({"n":4711})", R"({"path":"x","n":"4711"})"}) {
        const auto r = p.pass(text);
        check_refusal(r, errc::args_schema, gate_stage::validate, "input schema of files.write@1.0.0");
        BOOST_TEST(r->message.find("4711") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(constant_arguments_that_were_validated_before_are_not_validated_again) {
    proposal p;
    p.proposed = json(R"({"n":"no integer"})");
    gate_context c{.snapshot = *p.agent,
                   .run = p.run,
                   .now = now,
                   .call = {1},
                   .as = "write",
                   .proposed = p.proposed,
                   .validated = true};
    BOOST_TEST(pass_gate(c) == nullptr);
    c.validated = false;
    check_refusal(pass_gate(c), errc::args_schema, gate_stage::validate, "input schema of files.write@1.0.0");
}

BOOST_AUTO_TEST_CASE(a_secret_reference_outside_of_fixed_is_refused_wherever_it_stands) {
    proposal p({.input_schema = "{}"});
    for (const char* text : {R"({"path":{"$secret":"key"}})", R"({"path":[{"deep":{"$secret":"key"}}]})"}) {
        const auto r = p.pass(text);
        check_refusal(r, errc::args_schema, gate_stage::validate, "files.write");
        BOOST_TEST(r->message.find("$secret") != std::string::npos);
    }
    BOOST_TEST(p.pass(R"({"path":"{\"$secret\":\"key\"}"})") == nullptr);
}

BOOST_AUTO_TEST_CASE(fixed_arguments_are_added_and_count_for_the_schema) {
    proposal p({}, {.fixed = R"({"path":"/fixed"})"});
    BOOST_TEST(p.pass("{}") == nullptr);
    BOOST_TEST(p.context->arguments.text() == R"({"path":"/fixed"})");
    BOOST_TEST(p.pass(R"({"n":2})") == nullptr);
    BOOST_TEST(p.context->arguments.text() == R"({"n":2,"path":"/fixed"})");
}

BOOST_AUTO_TEST_CASE(fixed_arguments_cannot_be_changed_but_may_be_repeated) {
    proposal p({}, {.fixed = R"({"path":"/fixed"})"});
    const auto r = p.pass(R"({"path":"/etc/passwd"})");
    check_refusal(r, errc::cap_fixed, gate_stage::capability, "binding `write`");
    BOOST_TEST(r->message.find("path") != std::string::npos);
    BOOST_TEST(r->message.find("/etc") == std::string::npos);
    BOOST_TEST(p.pass(R"({"path":"/fixed"})") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_secret_of_the_binding_counts_as_text_for_the_schema_and_is_never_resolved_here) {
    proposal p({}, {.fixed = R"({"token":{"$secret":"api"}})"});
    BOOST_TEST(p.pass(R"({"path":"/a"})") == nullptr);
    BOOST_TEST(p.context->has_secrets);
    BOOST_TEST(p.context->arguments.text() == R"({"path":"/a","token":{"$secret":"api"}})");
    check_refusal(p.pass(R"({"path":"/a","token":"guess"})"), errc::cap_fixed, gate_stage::capability,
                  "binding `write`");
}

BOOST_AUTO_TEST_CASE(without_a_grant_the_default_is_no) {
    proposal p;
    (void)p.pass(R"({"path":"/a"})");
    p.context->grant = nullptr;
    const auto r = gate_policy(*p.context);
    BOOST_REQUIRE(r);
    BOOST_TEST(info(r->code).name == "policy.no_rule");
    BOOST_TEST(r->decided_by == "default deny");
    BOOST_TEST(!r->help.empty());
}

BOOST_AUTO_TEST_CASE(a_skill_that_needs_approval_is_refused_where_nobody_can_approve) {
    proposal p({.needs_approval = true});
    check_refusal(p.pass(R"({"path":"/a"})"), errc::approval_required, gate_stage::approval, "skill files.write@1.0.0");
}

BOOST_AUTO_TEST_CASE(the_cap_on_skill_calls_counts_what_was_made) {
    proposal p({}, {}, {.skill_calls = 2});
    p.run.skill_calls = 1;
    BOOST_TEST(p.pass(R"({"path":"/a"})") == nullptr);
    p.run.skill_calls = 2;
    check_refusal(p.pass(R"({"path":"/a"})"), errc::limit_steps, gate_stage::reserve, "limits.skill_calls");
}

BOOST_AUTO_TEST_CASE(a_cap_of_zero_means_none_at_all) {
    proposal p({}, {}, {.skill_calls = 0});
    check_refusal(p.pass(R"({"path":"/a"})"), errc::limit_steps, gate_stage::reserve, "limits.skill_calls");
    proposal q({}, {}, {.repeated_calls = 0});
    check_refusal(q.pass(R"({"path":"/a"})"), errc::loop_repeated_call, gate_stage::reserve, "limits.repeated_calls");
}

BOOST_AUTO_TEST_CASE(the_same_call_in_a_row_is_refused_beyond_its_cap_and_another_one_is_not) {
    proposal p({}, {}, {.repeated_calls = 3});
    p.run.repeated = 3;
    p.run.repeated_binding = 0;
    p.run.repeated_hash = json(R"({"path":"/a"})").hash();
    check_refusal(p.pass(R"({"path":"/a"})"), errc::loop_repeated_call, gate_stage::reserve, "limits.repeated_calls");
    BOOST_TEST(p.pass(R"({"path":"/b"})") == nullptr);
    p.run.repeated_binding = 1;
    BOOST_TEST(p.pass(R"({"path":"/a"})") == nullptr);
    p.run.repeated_binding = 0;
    p.run.repeated = 2;
    BOOST_TEST(p.pass(R"({"path":"/a"})") == nullptr);
}

BOOST_AUTO_TEST_CASE(the_budget_counts_what_is_spent_and_what_is_reserved) {
    proposal p({.cost = {100}}, {}, {.budget = {1000}});
    p.run.spent = {500};
    p.run.reserved = {400};
    BOOST_TEST(p.pass(R"({"path":"/a"})") == nullptr);
    BOOST_TEST(p.context->reserve.value == 100);
    p.run.reserved = {401};
    const auto r = p.pass(R"({"path":"/a"})");
    check_refusal(r, errc::budget_exhausted, gate_stage::reserve, "limits.budget_usd");
    BOOST_TEST(r->message.find("$0.0001") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_sum_that_overflows_does_not_fit_the_budget) {
    proposal p({.cost = {1}}, {}, {.budget = {std::numeric_limits<std::int64_t>::max()}});
    p.run.spent = {std::numeric_limits<std::int64_t>::max()};
    check_refusal(p.pass(R"({"path":"/a"})"), errc::budget_exhausted, gate_stage::reserve, "limits.budget_usd");
    p.run.reserved = {1};
    check_refusal(p.pass(R"({"path":"/a"})"), errc::budget_exhausted, gate_stage::reserve, "limits.budget_usd");
}

BOOST_AUTO_TEST_CASE(the_idempotency_key_names_this_very_call) {
    proposal p;
    const auto key_of = [](proposal& q, const char* arguments, call_id call = {9}) {
        BOOST_REQUIRE(q.pass(arguments, "write", call) == nullptr);
        return q.context->idempotency_key;
    };
    const effect_key key = key_of(p, R"({"path":"/a"})");
    BOOST_CHECK(key == key_of(p, R"({ "path" : "/a" })"));
    proposal same;
    BOOST_CHECK(key == key_of(same, R"({"path":"/a"})"));

    BOOST_CHECK(key != key_of(p, R"({"path":"/b"})"));
    BOOST_CHECK(key != key_of(p, R"({"path":"/a"})", {10}));
    proposal other_run;
    other_run.run_is({5});
    BOOST_CHECK(key != key_of(other_run, R"({"path":"/a"})"));
    proposal other_journal;
    other_journal.run_is({4}, effect_key_of(sha256("another journal")));
    BOOST_CHECK(key != key_of(other_journal, R"({"path":"/a"})"));
    proposal other_skill({.version = "2.0.0"});
    BOOST_CHECK(key != key_of(other_skill, R"({"path":"/a"})"));
    // Numbers are written with all their bytes: run 1 call 256 is not run 256 call 1.
    proposal low, high;
    low.run_is({1});
    high.run_is({256});
    BOOST_CHECK(key_of(low, R"({"path":"/a"})", {256}) != key_of(high, R"({"path":"/a"})", {1}));
}

BOOST_AUTO_TEST_CASE(a_write_of_which_nobody_knows_whether_it_happened_is_not_made_again_under_a_new_key) {
    const effect_key old_key = effect_key_of(sha256("the first attempt"));
    proposal p;
    p.run.unknown_writes = {{0, json(R"({"path":"/a"})").hash(), old_key}};
    const auto r = p.pass(R"({"path":"/a"})");
    check_refusal(r, errc::skill_outcome_unknown, gate_stage::idempotency, "skill files.write@1.0.0");
    BOOST_TEST(p.pass(R"({"path":"/b"})") == nullptr);
    BOOST_CHECK(p.context->idempotency_key != old_key);

    proposal keyed({.takes_key = true});
    keyed.run.unknown_writes = p.run.unknown_writes;
    BOOST_TEST(keyed.pass(R"({"path":"/a"})") == nullptr);
    BOOST_CHECK(keyed.context->idempotency_key == old_key);
    keyed.run.open.push_back({.idempotency_key = old_key});
    check_refusal(keyed.pass(R"({"path":"/a"})"), errc::idem_in_flight, gate_stage::idempotency,
                  "skill files.write@1.0.0");
    keyed.run.open.clear();
    keyed.run.unknown_writes[0].binding = 1;
    BOOST_TEST(keyed.pass(R"({"path":"/a"})") == nullptr);
    BOOST_CHECK(keyed.context->idempotency_key != old_key);
}

BOOST_AUTO_TEST_CASE(a_broken_secret_argument_is_refused_without_what_its_schema_says_about_it) {
    proposal p({.input_schema = R"({"properties":{"token":{"const":"hunter2"},"n":{"const":7}},"type":"object"})",
                .secret_arguments = {"/token"}});
    const auto r = p.pass(R"({"token":"guess"})");
    BOOST_REQUIRE(r);
    BOOST_TEST(r->message == "/token: does not fit its schema");
    BOOST_TEST(p.pass(R"({"n":8})")->message != "/n: does not fit its schema");
}

BOOST_AUTO_TEST_CASE(a_call_ends_with_the_first_of_three_deadlines) {
    proposal skill_first({.timeout = seconds(5)}, {}, {.step_timeout = seconds(30)});
    BOOST_TEST(skill_first.pass(R"({"path":"/a"})") == nullptr);
    BOOST_TEST(skill_first.context->deadline.us == (now + seconds(5)).us);
    proposal step_first({.timeout = seconds(50)}, {}, {.step_timeout = seconds(30)});
    BOOST_TEST(step_first.pass(R"({"path":"/a"})") == nullptr);
    BOOST_TEST(step_first.context->deadline.us == (now + seconds(30)).us);
    proposal run_first({.timeout = seconds(50)}, {}, {.step_timeout = seconds(30)});
    run_first.run.deadline = now + seconds(2);
    BOOST_TEST(run_first.pass(R"({"path":"/a"})") == nullptr);
    BOOST_TEST(run_first.context->deadline.us == (now + seconds(2)).us);
}

BOOST_AUTO_TEST_CASE(arguments_that_are_declared_secret_are_recorded_without_their_value) {
    proposal p({.secret_arguments = {"/token"}});
    BOOST_TEST(p.pass(R"({"path":"/a","token":"hunter2"})") == nullptr);
    BOOST_TEST(p.context->arguments.text().find("hunter2") != std::string_view::npos);
    BOOST_TEST(p.context->recorded.text() == R"({"path":"/a","token":"⟦secret:argument#1⟧"})");
}

BOOST_AUTO_TEST_CASE(a_refusal_tells_a_model_what_it_needs_to_know) {
    proposal p;
    const auto r = p.pass("{}", "remove");
    const payload told = aivp::to_payload(*r);
    BOOST_TEST(as_string(*member(told, "error")).value() == "skill.unknown");
    BOOST_TEST(as_bool(*member(told, "executed")).value() == false);
    BOOST_TEST(member(told, "help").has_value());
    BOOST_TEST(member(told, "message").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
