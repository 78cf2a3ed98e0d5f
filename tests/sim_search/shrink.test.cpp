#include "sim/search/shrink.hpp"

#include <algorithm>
#include <map>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "sim/search/token.hpp"
#include "tests/sim_search/planted.hpp"

using namespace planted;

namespace {

/// The needed fault among others that have nothing to do with it.
run_case crowded_case(const std::shared_ptr<const scenario>& s) {
    run_case c = failing_case(s);
    c.plan.faults.push_back({.site = "skill/other/charge", .ordinal = 2, .kind = fault_kind::skill_late});
    c.plan.faults.push_back({.site = "process/commit", .ordinal = 12, .kind = fault_kind::process_kill, .severity = 1});
    c.plan.faults.push_back({.site = "clock", .ordinal = 30, .kind = fault_kind::clock_forward, .severity = 1});
    c.plan.faults.push_back({.site = "skill/third/look", .ordinal = 400, .kind = fault_kind::skill_late});
    return c;
}

failure_report shrunk(const run_case& c, shrink_options options) {
    auto r = shrink(c, broken, options);
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    return std::move(*r);
}

bool breaks(const run_case& c, const setup_hook& hook) { return execute(c, hook).find(broken) != nullptr; }

std::string story(const failure_report& r) {
    std::string out;
    for (const story_line& l : r.story) out += l.what + (l.note.empty() ? "; " : " (" + l.note + "); ");
    return out;
}

bool has(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

} // namespace

BOOST_AUTO_TEST_SUITE(shrinking)

BOOST_AUTO_TEST_CASE(of_many_faults_triggers_and_agents_the_one_cause_is_left) {
    const auto s = till();
    const setup_hook hook = forgets_keys({"clerk"});
    BOOST_TEST(!execute({s, 7, {}}, hook).failed());
    const failure_report r = shrunk(crowded_case(s), {.hook = hook});
    BOOST_REQUIRE_EQUAL(r.shrunk.plan.faults.size(), 1U);
    const fault& f = r.shrunk.plan.faults[0];
    BOOST_TEST(f.site == "skill/clerk/charge");
    BOOST_TEST(f.ordinal == 1U);
    BOOST_TEST((f.kind == fault_kind::skill_late)); // what is late is easier to understand than what is swallowed
    BOOST_TEST(r.shrunk.seed == 1U);
    BOOST_REQUIRE_EQUAL(r.shrunk.what->agents.size(), 1U);
    BOOST_TEST(r.shrunk.what->agents[0]->id == "clerk");
    BOOST_REQUIRE_EQUAL(r.shrunk.what->triggers.size(), 1U);
    BOOST_TEST(r.shrunk.what->triggers[0].times == 1U);
    BOOST_TEST(r.shrunk.what->triggers[0].after.us == 0);
    BOOST_TEST(r.shrunk.what->horizon.us < minutes(1).us);
    BOOST_TEST(r.story.back().at.us <= r.shrunk.what->horizon.us); // within the scenario, not after its end
    BOOST_TEST(r.shrinking.faults_before == 5U);
    BOOST_TEST(r.shrinking.events_before > 80U);
    BOOST_TEST(r.shrinking.events_after <= 8U);
    BOOST_TEST(breaks(r.shrunk, hook));
    BOOST_TEST(r.what.what == broken);
}

BOOST_AUTO_TEST_CASE(the_result_does_not_depend_on_how_many_run_at_once) {
    const auto s = till();
    const setup_hook hook = forgets_keys({"clerk"});
    const failure_report one = shrunk(crowded_case(s), {.jobs = 1, .hook = hook});
    for (const unsigned jobs : {1U, 2U, 5U}) {
        const failure_report other = shrunk(crowded_case(s), {.jobs = jobs, .hook = hook});
        BOOST_TEST(other.token == one.token);
        BOOST_TEST(other.shrinking.tries == one.shrinking.tries);
        BOOST_TEST(other.shrinking.accepted == one.shrinking.accepted);
        BOOST_TEST(story(other) == story(one));
        BOOST_TEST(other.free_values == one.free_values, boost::test_tools::per_element());
        BOOST_CHECK(other.signature == one.signature);
    }
}

BOOST_AUTO_TEST_CASE(a_bound_on_tries_holds_and_what_is_found_until_then_still_fails) {
    const auto s = till();
    const setup_hook hook = forgets_keys({"clerk"});
    std::uint64_t faults_before = 5;
    for (const std::uint64_t tries : {1U, 3U, 10U, 40U}) {
        const failure_report r = shrunk(crowded_case(s), {.tries_max = tries, .hook = hook, .explain = false});
        BOOST_TEST(r.shrinking.tries <= tries);
        BOOST_TEST(r.shrunk.plan.faults.size() <= faults_before);
        BOOST_TEST(breaks(r.shrunk, hook));
        faults_before = r.shrunk.plan.faults.size();
    }
    const failure_report as_met = shrunk(crowded_case(s), {.tries_max = 1, .hook = hook});
    BOOST_TEST(as_met.token == as_met.found_token);
}

BOOST_AUTO_TEST_CASE(when_time_runs_out_the_report_says_so) {
    int asked = 0;
    const setup_hook hook = forgets_keys({"clerk"});
    const failure_report r =
        shrunk(crowded_case(till()), {.expired = [&asked] { return ++asked > 4; }, .hook = hook, .explain = false});
    BOOST_TEST(r.shrinking.out_of_time);
    BOOST_TEST(breaks(r.shrunk, hook));
    BOOST_TEST(!shrunk(crowded_case(till()), {.hook = hook}).shrinking.out_of_time);
}

BOOST_AUTO_TEST_CASE(the_report_says_which_faults_it_takes_and_what_happens_without_them) {
    const failure_report r = shrunk(crowded_case(till()), {.hook = forgets_keys({"clerk"})});
    BOOST_REQUIRE_EQUAL(r.required.size(), 1U);
    BOOST_TEST(r.required[0]);
    BOOST_TEST(r.seeds_without == 50U);
    BOOST_TEST(r.passed_without == 50U);
    BOOST_REQUIRE(r.nearest.has_value());
    BOOST_TEST(r.nearest->passing == "without the fault " + to_string(r.shrunk.plan.faults[0]));
    BOOST_TEST(r.nearest->first != r.nearest->second);
    BOOST_TEST(r.nearest->seq.value > 1U);
    BOOST_TEST(r.nearest->seq.value <= r.shrinking.events_after);
    BOOST_TEST(story(r) == "trigger; skill; skill; FAULT (required); retry 1; resent; skill; run; violation; ");
    BOOST_TEST(r.story.back().moment == r.what.moment);
    BOOST_TEST(r.story.front().text.find("A-17") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(values_that_do_not_matter_are_named_and_those_that_do_are_not) {
    const failure_report all = shrunk(failing_case(till()), {.hook = forgets_keys({"clerk"})});
    BOOST_TEST(has(all.free_values, "any order"));
    BOOST_TEST(has(all.free_values, "any amount > 0")); // an amount of nothing is refused by the planted model
    BOOST_TEST(has(all.free_values, "any seed"));
    // Now only large amounts break it.
    const failure_report large = shrunk(failing_case(till()), {.hook = forgets_keys({"clerk"}, 1200)});
    BOOST_TEST(has(large.free_values, "any order"));
    for (const std::string& v : large.free_values) BOOST_TEST(v.find("amount") == std::string::npos, v);
}

/// Denies each agent's third charge: in no other program does that happen.
class denying_connector final : public forwarding_connector {
public:
    using forwarding_connector::forwarding_connector;
    void call(const skill_request& r, completion_sink& sink) override {
        if (r.effect == effect_class::write && ++charges_[std::string(r.agent)] == 3)
            return sink.skill_done({{r.run, r.call}, effect_outcome::failed, {}, errc::skill_failed, "no"});
        forwarding_connector::call(r, sink);
    }

private:
    std::map<std::string, int> charges_;
};

setup_hook denies_the_third() { return with_connector<denying_connector>(); }

constexpr const char* clerk_succeeds = "runs of clerk: success";

/// Of nine starts of the clerk all succeed, as somebody wrote down for this workload.
run_case expecting_case() {
    const auto s = till();
    expectation total, clerk;
    total.run_status = "total";
    total.where = {s->file, 1, 1};
    total.count = {30, 30};
    clerk.agent = "clerk";
    clerk.run_status = "success";
    clerk.where = {s->file, 2, 1};
    clerk.count = {9, 9};
    s->expectations = {total, clerk};
    return {s, 7, {}};
}

/// The same program without the mistake.
std::optional<std::string> right_program(const run_case& c) {
    const case_result r = execute(c, {});
    const finding* told = r.find(clerk_succeeds);
    return told ? std::optional(told->actual) : std::nullopt;
}

failure_report shrunk_expectation(unsigned jobs) {
    const auto r = shrink(expecting_case(), clerk_succeeds,
                          {.jobs = jobs, .hook = denies_the_third(), .reference = right_program});
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    return *r;
}

BOOST_AUTO_TEST_CASE(an_expectation_is_shrunk_against_a_program_that_is_right) {
    BOOST_TEST(!execute(expecting_case(), {}).failed());
    const failure_report r = shrunk_expectation(1);
    BOOST_TEST(r.what.what == clerk_succeeds);
    BOOST_TEST(r.what.expected == "3"); // of this workload, not of the one that is written
    BOOST_TEST(r.what.actual == "2");
    BOOST_TEST(r.shrunk.what->agents.size() == 1U);
    BOOST_TEST(r.shrinking.events_before > 60U);
    BOOST_TEST(r.shrinking.events_after <= 12U);
    BOOST_TEST(r.shrunk.what->horizon.us < minutes(1).us);
    // The token carries what is right: the mistake is seen with it, and its absence too.
    const auto token = decode_token(r.token);
    BOOST_REQUIRE(token.has_value());
    const auto again = case_of(*token, expecting_case().what);
    BOOST_REQUIRE(again.has_value());
    BOOST_TEST((execute(*again, denies_the_third()).find(clerk_succeeds) != nullptr));
    BOOST_TEST(!execute(*again, {}).failed());
    for (const unsigned jobs : {2U, 5U}) {
        const failure_report other = shrunk_expectation(jobs);
        BOOST_TEST(other.token == r.token);
        BOOST_TEST(other.shrinking.tries == r.shrinking.tries);
    }
}

/// As expecting_case(), and each start looks three times more after the charge.
run_case long_expecting_case() {
    run_case c = expecting_case();
    auto s = std::make_shared<scenario>(*c.what);
    s->agents = {
        make_steps_agent("clerk",
                         {make_binding("charge", retried_skill("kv.set")),
                          make_binding("look", make_skill("kv.get", {.effect = effect_class::read}))},
                         {{"one", "charge", {.arguments = R"({"key":"${trigger.order}","value":"${trigger.amount}"})"}},
                          {"two", "look", {.arguments = R"({"key":"a"})", .error_policy = on_error::proceed}},
                          {"three", "look", {.arguments = R"({"key":"b"})", .error_policy = on_error::proceed}}})};
    s->triggers = {s->triggers[1]};
    s->expectations[0].count = {9, 9};
    c.what = s;
    return c;
}

BOOST_AUTO_TEST_CASE(steps_that_come_after_the_mistake_go) {
    const auto r = shrink(long_expecting_case(), clerk_succeeds,
                          {.jobs = 1, .hook = denies_the_third(), .reference = right_program});
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    BOOST_TEST((r->shrunk.edits.settings == std::vector<setting_edit>{{"clerk", "steps", 1}}));
    BOOST_TEST(r->shrinking.events_after <= 7U); // three starts, each with one call
    const auto token = decode_token(r->token);
    BOOST_REQUIRE(token.has_value());
    const auto again = case_of(*token, long_expecting_case().what);
    BOOST_REQUIRE(again.has_value());
    BOOST_TEST((execute(*again, denies_the_third()).find(clerk_succeeds) != nullptr));
    BOOST_TEST(!execute(*again, {}).failed());
}

BOOST_AUTO_TEST_CASE(without_a_program_that_is_right_an_expectation_stays_as_it_was_met) {
    const auto r = shrink(expecting_case(), clerk_succeeds, {.hook = denies_the_third()});
    BOOST_REQUIRE(r.has_value());
    BOOST_TEST(r->shrinking.accepted == 0U);
    BOOST_TEST(r->what.expected == "9");
    BOOST_REQUIRE(r->shrunk.edits.expect.has_value()); // what is kept of it asks for that one expectation
    BOOST_TEST(r->shrunk.edits.expect->number == 1U);
    BOOST_TEST(r->shrunk.what->triggers.size() == 3U);
    const auto both_wrong =
        shrink(expecting_case(), clerk_succeeds,
               {.hook = denies_the_third(), .reference = [](const run_case& c) {
                    return std::optional(execute(c, denies_the_third()).find(clerk_succeeds)->actual);
                }});
    BOOST_REQUIRE(!both_wrong);
    BOOST_TEST(both_wrong.error().message.find("breaks") != std::string::npos);
    const auto silent =
        shrink(expecting_case(), clerk_succeeds,
               {.hook = denies_the_third(), .reference = [](const run_case&) { return std::optional<std::string>(); }});
    BOOST_REQUIRE(!silent);
    BOOST_TEST((silent.error().code == errc::repro_token));
}

BOOST_AUTO_TEST_CASE(a_property_of_a_case_with_a_pinned_expectation_is_shrunk_like_any_other) {
    const auto s = till();
    s->expectations.resize(1);
    s->expectations[0].count = {1000, 1000};
    run_case c = crowded_case(s);
    workload_edits edits;
    edits.expect = {.number = 0, .right = {}};
    c = *with_edits(c, edits);
    const failure_report r = shrunk(c, {.hook = forgets_keys({"clerk"})});
    BOOST_TEST(r.shrunk.plan.faults.size() == 1U);
    BOOST_TEST(r.shrinking.events_after <= 8U);
}

BOOST_AUTO_TEST_CASE(two_faults_that_are_both_needed_both_stay) {
    const auto s = till();
    const setup_hook hook = forgets_keys({"clerk", "other"});
    run_case c{s, 3, {}};
    for (const char* site : {"skill/clerk/charge", "skill/other/charge", "skill/other/look", "skill/third/look"})
        c.plan.faults.push_back({.site = site, .ordinal = 2, .kind = fault_kind::skill_swallowed});
    BOOST_REQUIRE(breaks(c, hook));
    const failure_report r = shrunk(c, {.hook = hook});
    BOOST_REQUIRE_EQUAL(r.shrunk.plan.faults.size(), 2U);
    BOOST_TEST(r.required == std::vector<bool>(2, true), boost::test_tools::per_element());
    BOOST_TEST(r.shrunk.what->agents.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_plan_that_does_not_happen_any_more_is_an_error_and_not_a_success) {
    const auto s = till();
    run_case c = failing_case(s);
    c.plan.faults[0].site = "skill/clerk/refund";
    const auto unknown = shrink(c, broken, {});
    BOOST_REQUIRE(!unknown);
    BOOST_TEST((unknown.error().code == errc::fault_no_site));
    BOOST_TEST(unknown.error().message.find("skill/clerk/refund") != std::string::npos);
    c = failing_case(s);
    c.plan.faults[0].ordinal = 5000;
    const auto late = shrink(c, broken, {});
    BOOST_REQUIRE(!late);
    BOOST_TEST((late.error().code == errc::fault_not_met));
    const auto repaired = shrink(failing_case(s), broken, {});
    BOOST_REQUIRE(!repaired);
    BOOST_TEST((repaired.error().code == errc::repro_token));
}

RC_BOOST_PROP(whatever_is_shrunk_fails_as_before_and_is_no_larger, ()) {
    const auto s = till();
    const setup_hook hook = forgets_keys({"clerk"});
    run_case c{s, *rc::gen::inRange<std::uint64_t>(1, 50), {}};
    c.plan.faults.push_back({.site = "skill/clerk/charge",
                             .ordinal = *rc::gen::inRange<std::uint64_t>(1, 9),
                             .kind = *rc::gen::element(fault_kind::skill_swallowed, fault_kind::skill_silent),
                             .times = *rc::gen::inRange<std::uint64_t>(1, 3)});
    const auto extra = *rc::gen::inRange(0, 4);
    for (int i = 0; i < extra; ++i) {
        const auto site = *rc::gen::element<std::string>("skill/other/look", "skill/third/charge", "skill/clerk/look");
        c.plan.faults.push_back({.site = site,
                                 .ordinal = *rc::gen::inRange<std::uint64_t>(1, 20),
                                 .kind = *rc::gen::element(fault_kind::skill_late, fault_kind::skill_unavailable),
                                 .times = *rc::gen::element<std::uint64_t>(1, fault::always)});
    }
    RC_PRE(breaks(c, hook));
    const auto r = shrink(c, broken, {.jobs = 2, .hook = hook, .explain = false});
    RC_ASSERT(r.has_value());
    RC_ASSERT(breaks(r->shrunk, hook));
    RC_ASSERT(r->shrunk.plan.faults.size() <= c.plan.faults.size());
    RC_ASSERT(r->shrunk.what->horizon <= s->horizon);
    RC_ASSERT(unmet_faults(r->shrunk, execute(r->shrunk, hook).report).empty());
    // Once more there is nothing left to take away.
    const auto again = shrink(r->shrunk, broken, {.hook = hook, .explain = false});
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->shrunk.plan == r->shrunk.plan);
    // The token of the result is the result.
    const auto token = decode_token(to_token(r->shrunk));
    RC_ASSERT(token.has_value());
    const auto from_token = case_of(*token, s);
    RC_ASSERT(from_token.has_value());
    RC_ASSERT(execute(*from_token, hook).report.outcome == execute(r->shrunk, hook).report.outcome);
}

BOOST_AUTO_TEST_SUITE_END()
