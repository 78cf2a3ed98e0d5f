#include "aivp/skill/outcome.hpp"

#include <limits>
#include <set>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "aivp/schema/schema.hpp"

using namespace aivp;

namespace {

// The form that readers of AOS outcomes accept.
constexpr std::string_view structured_outcome_schema = R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["status", "code", "message", "cost_cents", "latency_ms", "timestamp"],
  "properties": {
    "status": {"enum": ["success", "failure", "partial", "skipped"]},
    "code": {"type": "string", "pattern": "^[A-Z0-9_-]+$"},
    "message": {"type": "string"},
    "cost_cents": {"type": "integer", "minimum": 0},
    "latency_ms": {"type": "integer", "minimum": 0},
    "timestamp": {"type": "string", "format": "date-time"},
    "run_id": {"type": "string", "minLength": 1},
    "step_id": {"type": "string", "minLength": 1},
    "details": {"type": ["object", "null"]},
    "retryable": {"type": "boolean"},
    "side_effects": {
      "type": "array",
      "items": {"type": "object", "properties": {"type": {"type": "string"}, "target": {"type": "string"}}}
    },
    "metadata": {"type": "object", "properties": {"skill_id": {"type": "string"}, "skill_version": {"type": "string"}}},
    "observability": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "trace_id": {"type": "string"},
        "span_id": {"type": "string"},
        "backend_retries": {"type": "integer", "minimum": 0}
      }
    }
  }
})json";

json_schema outcome_schema() {
    schema_options options;
    options.assert_formats = true;
    return json_schema::compile(payload::parse(structured_outcome_schema).value(), options).value();
}

structured_outcome sample() {
    structured_outcome o;
    o.message = "sent";
    o.cost = {12'345};
    o.latency = {1'500};
    o.at = {1'772'355'600'250'000};
    o.run = {12};
    o.step = "send";
    o.skill = "mail.send";
    o.skill_version = "1.2.0";
    o.details = payload::from_canonical(R"({"id":"m1"})");
    o.side_effects = {{"send_email", "mail.send"}};
    o.retries = 2;
    return o;
}

std::string text_at(const payload& p, std::string_view pointer) {
    const auto found = at_pointer(p, pointer);
    return found ? std::string(found->text()) : "absent";
}

errc any_code() { return (*rc::gen::elementOf(error_table())).code; }

structured_outcome any_outcome() {
    structured_outcome o;
    o.status = static_cast<outcome_status>(*rc::gen::inRange(0, 4));
    o.code = any_code();
    o.message = *rc::gen::arbitrary<std::string>();
    o.cost = {*rc::gen::inRange<std::int64_t>(-5, 50'000'000)};
    o.latency = {*rc::gen::inRange<std::int64_t>(-5, 10'000'000'000)};
    o.at = {*rc::gen::inRange<std::int64_t>(0, 253'402'300'800'000'000)};
    o.run = {*rc::gen::inRange<std::uint64_t>(0, 3)};
    o.step = *rc::gen::element<std::string>("", "send", "call#3");
    o.skill = *rc::gen::element<std::string>("", "mail.send", "http_call");
    o.skill_version = *rc::gen::element<std::string>("", "1.0.0");
    o.details = payload::parse(
                    *rc::gen::element<std::string>("null", "{}", "[1]", "\"text\"", "7", R"({"error":{"a":1},"z":2})"))
                    .value();
    for (int n = *rc::gen::inRange(0, 3); n > 0; --n)
        o.side_effects.push_back({*rc::gen::arbitrary<std::string>(), "x.y"});
    o.retries = *rc::gen::inRange<std::uint32_t>(0, 9);
    o.abstained = *rc::gen::arbitrary<bool>();
    return o;
}

} // namespace

BOOST_AUTO_TEST_SUITE(outcomes)

BOOST_AUTO_TEST_CASE(a_full_outcome_is_written_in_the_aos_form) {
    BOOST_TEST(to_payload(sample()).text() ==
               R"({"code":"OK","cost_cents":2,"details":{"cost_usd_micros":12345,"id":"m1"},"latency_ms":2,)"
               R"("message":"sent","metadata":{"skill_id":"mail.send","skill_version":"1.2.0"},)"
               R"("observability":{"backend_retries":2},"retryable":false,"run_id":"run-12",)"
               R"("side_effects":[{"target":"mail.send","type":"send_email"}],"status":"success",)"
               R"("step_id":"send","timestamp":"2026-03-01T09:00:00.250Z"})");
}

BOOST_AUTO_TEST_CASE(the_schema_of_this_test_refuses_what_aos_readers_refuse) {
    const json_schema schema = outcome_schema();
    const payload good = to_payload(sample());
    BOOST_REQUIRE(schema.accepts(good));
    const auto with = [&](const char* key, const char* value) {
        return merged(good, payload::of_object({{key, payload::parse(value).value()}}));
    };
    BOOST_TEST(!schema.accepts(with("error", "\"x\"")));
    BOOST_TEST(!schema.accepts(with("status", "\"ok\"")));
    BOOST_TEST(!schema.accepts(with("code", "\"policy.no_rule\"")));
    BOOST_TEST(!schema.accepts(with("cost_cents", "-1")));
    BOOST_TEST(!schema.accepts(with("timestamp", "\"yesterday\"")));
    BOOST_TEST(!schema.accepts(with("details", "[]")));
    BOOST_TEST(!schema.accepts(with("observability", R"({"retries":1})")));
}

BOOST_AUTO_TEST_CASE(a_bare_outcome_leaves_out_what_it_does_not_have) {
    const payload p = to_payload(structured_outcome{});
    BOOST_TEST(text_at(p, "/run_id") == "absent");
    BOOST_TEST(text_at(p, "/step_id") == "absent");
    BOOST_TEST(text_at(p, "/metadata") == "absent");
    BOOST_TEST(text_at(p, "/side_effects") == "[]");
    BOOST_TEST(text_at(p, "/details") == R"({"cost_usd_micros":0})");
    BOOST_TEST(outcome_schema().accepts(p));
}

BOOST_AUTO_TEST_CASE(a_failure_carries_the_aos_code_outside_and_ours_inside) {
    structured_outcome o = sample();
    o.status = outcome_status::failure;
    o.code = errc::model_rate_limited;
    o.details = payload::from_canonical(R"({"cost_usd_micros":"mine","error":"mine","kept":true})");
    const payload p = to_payload(o);
    BOOST_TEST(text_at(p, "/code") == "\"ERR_LLM_RATE_LIMIT\"");
    BOOST_TEST(text_at(p, "/retryable") == "true");
    BOOST_TEST(text_at(p, "/details") == R"({"cost_usd_micros":12345,"error":"model.rate_limited","kept":true})");
    o.code = errc::policy_no_rule;
    BOOST_TEST(text_at(to_payload(o), "/retryable") == "false");
}

BOOST_AUTO_TEST_CASE(abstaining_is_said_in_the_details) {
    structured_outcome o;
    o.status = outcome_status::skipped;
    o.code = errc::run_abstained;
    o.abstained = true;
    o.details = payload::of_string("not my task");
    BOOST_TEST(text_at(to_payload(o), "/details") ==
               R"({"abstained":true,"cost_usd_micros":0,"error":"run.abstained","value":"not my task"})");
}

BOOST_AUTO_TEST_CASE(successes_of_the_three_skills_that_aos_names_have_their_own_code) {
    structured_outcome o;
    for (const auto& [skill, code] : {std::pair{"http_call", "OK_HTTP_CALL"},
                                      {"http.call", "OK_HTTP_CALL"},
                                      {"llm_invoke", "OK_LLM_INVOKE"},
                                      {"llm.invoke", "OK_LLM_INVOKE"},
                                      {"json_transform", "OK_JSON_TRANSFORM"},
                                      {"json.transform", "OK_JSON_TRANSFORM"},
                                      {"mail.send", "OK"},
                                      {"", "OK"}}) {
        o.skill = skill;
        BOOST_TEST(text_at(to_payload(o), "/code") == '"' + std::string(code) + '"');
    }
}

BOOST_AUTO_TEST_CASE(cents_and_milliseconds_are_rounded_up_and_never_negative) {
    const std::int64_t int_max = std::numeric_limits<std::int64_t>::max();
    const struct {
        std::int64_t micros;
        const char* cents;
        std::int64_t us;
        const char* ms;
    } cases[] = {
        {0, "0", 0, "0"},          {1, "1", 1, "1"},   {10'000, "1", 1'000, "1"},
        {10'001, "2", 1'001, "2"}, {-1, "0", -1, "0"}, {int_max, "922337203685478", int_max, "9223372036854776"},
    };
    for (const auto& c : cases) {
        structured_outcome o;
        o.cost = {c.micros};
        o.latency = {c.us};
        BOOST_TEST(text_at(to_payload(o), "/cost_cents") == c.cents);
        BOOST_TEST(text_at(to_payload(o), "/latency_ms") == c.ms);
        BOOST_TEST(text_at(to_payload(o), "/details/cost_usd_micros") == std::to_string(c.micros));
    }
}

BOOST_AUTO_TEST_CASE(a_refusal_tells_a_model_four_things_and_no_more) {
    const refusal r{errc::cap_missing, gate_stage::capability, "agents/a.yaml:3:5", "no grant for \"mail.send\"",
                    "Bind it."};
    BOOST_TEST(to_payload(r).text() ==
               R"({"error":"cap.missing","executed":false,"help":"Bind it.","message":"no grant for \"mail.send\""})");
    BOOST_TEST(text_at(to_payload(refusal{}), "/help") == payload::of_string(info(errc::policy_no_rule).help).text());
}

BOOST_AUTO_TEST_CASE(every_status_and_stage_has_a_name_of_its_own) {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(gate_stage::evidence); ++i)
        names.insert(to_string(static_cast<gate_stage>(i)));
    BOOST_TEST(names.size() == 15U);
    names.clear();
    for (int i = 0; i <= static_cast<int>(outcome_status::skipped); ++i) {
        names.insert(to_string(static_cast<outcome_status>(i)));
    }
    BOOST_TEST((names == std::set<std::string>{"success", "failure", "partial", "skipped"}));
}

RC_BOOST_PROP(every_outcome_is_canonical_and_fits_the_aos_schema, ()) {
    static const json_schema schema = outcome_schema();
    const payload p = to_payload(any_outcome());
    const auto parsed = payload::parse(p.text());
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->text() == p.text());
    const auto violation = schema.validate(p);
    if (violation) RC_FAIL(violation->instance_pointer + ": " + violation->message);
}

RC_BOOST_PROP(every_refusal_is_canonical, ()) {
    const refusal r{
        any_code(), gate_stage::policy, {}, *rc::gen::arbitrary<std::string>(), *rc::gen::arbitrary<std::string>()};
    const payload p = to_payload(r);
    const auto parsed = payload::parse(p.text());
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->text() == p.text());
    RC_ASSERT(members(p).size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
