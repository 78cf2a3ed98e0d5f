#include "aivp/reliability/recovery.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace aivp;

namespace {

/// "MODE attempts x base ms x multiplier cap s jitter"
std::string shown(const recovery_plan& p) {
    std::string text(to_string(p.mode));
    if (!p.retries()) return text;
    return text + " " + std::to_string(p.retry.max_attempts - 1) + "x" + std::to_string(p.retry.base_delay.us / 1000) +
           "x" + std::to_string(p.retry.multiplier_tenths) + " cap " + std::to_string(p.retry.cap.us / 1'000'000) +
           " jitter " + std::to_string(p.retry.jitter_permille);
}

} // namespace

BOOST_AUTO_TEST_SUITE(recovery)

BOOST_AUTO_TEST_CASE(entries_have_the_numbers_of_category_or_strategy) {
    BOOST_TEST(shown(recovery_for("TIMEOUT")) == "RETRY_EXPONENTIAL 3x1000x20 cap 30 jitter 100");
    BOOST_TEST(shown(recovery_for("PLANNER_TIMEOUT")) == "RETRY_WITH_JITTER 2x2000x15 cap 15 jitter 250");
    BOOST_TEST(shown(recovery_for("CHECKPOINT_STALE")) == "CHECKPOINT_RESTORE 3x500x20 cap 30 jitter 0");
    BOOST_TEST(shown(recovery_for("CHECKPOINT_SAVE_FAILED")) == "RETRY_WITH_JITTER 3x500x20 cap 15 jitter 250");
    BOOST_TEST(shown(recovery_for("GOLDEN_WRITE_FAILED")) == "RETRY_IMMEDIATE 1x0x10 cap 0 jitter 0");
    // Its category is not repeated, so the strategy's own numbers count.
    BOOST_TEST(shown(recovery_for("RATE_LIMITED")) == "RETRY_EXPONENTIAL 3x1000x20 cap 30 jitter 100");
    BOOST_TEST(shown(recovery_for("POLICY_VIOLATION")) == "ABORT");
    BOOST_TEST(recovery_for("POLICY_VIOLATION").http_status == 403);
}

BOOST_AUTO_TEST_CASE(a_code_of_the_taxonomy_leads_to_its_entry) {
    BOOST_TEST((recovery_for("ERR_HTTP_504") == recovery_for("GATEWAY_TIMEOUT")));
    BOOST_TEST((recovery_for("ERR_HTTP_504").source == recovery_source::entry));
}

BOOST_AUTO_TEST_CASE(without_an_entry_the_category_decides_and_without_that_it_is_abort) {
    const recovery_plan category = recovery_for("NEW_CODE", failure_category::planner);
    BOOST_TEST(shown(category) == "RETRY_WITH_JITTER 2x2000x15 cap 15 jitter 250");
    BOOST_TEST((category.source == recovery_source::category));
    BOOST_TEST(shown(recovery_for("NEW_CODE")) == "ABORT");
    BOOST_TEST((recovery_for("NEW_CODE").source == recovery_source::global));
    BOOST_TEST(shown(recovery_for("POLICY_VIOLATION", failure_category::planner)) == "ABORT");
}

BOOST_AUTO_TEST_CASE(people_get_a_limited_time) {
    const recovery_plan escalated = recovery_for("QUOTA_EXHAUSTED");
    BOOST_TEST((escalated.mode == recovery_mode::escalate));
    BOOST_TEST((escalated.decision_limit == hours(1)));
    BOOST_TEST((escalated.afterwards == recovery_mode::abort));
    BOOST_TEST((recovery_for("EMERGENCY_STOP").decision_limit == hours(24)));
    BOOST_TEST((recovery_for("CHECKPOINT_STALE").checkpoint_age_max == minutes(5)));
}

BOOST_AUTO_TEST_CASE(an_error_of_ours_follows_its_own_row) {
    const recovery_plan unknown = recovery_for(errc::skill_outcome_unknown);
    BOOST_TEST((unknown.mode == recovery_mode::manual_intervention));
    BOOST_TEST(shown(recovery_for(errc::model_failed)) == "RETRY_EXPONENTIAL 3x1000x20 cap 30 jitter 100");
    BOOST_TEST(shown(recovery_for(errc::policy_denied)) == "ABORT");
}

BOOST_AUTO_TEST_CASE(the_most_exact_override_wins_over_everything) {
    const retry_policy mine{.max_attempts = 9};
    std::vector<recovery_override> o{{"TRANSIENT", recovery_mode::skip, {}}};
    BOOST_TEST((recovery_for("TIMEOUT", {}, o).mode == recovery_mode::skip));
    BOOST_TEST((recovery_for("TIMEOUT", {}, o).source == recovery_source::override_category));
    BOOST_TEST((recovery_for("DB_CONNECTION_FAILED", {}, o).mode == recovery_mode::retry_exponential));
    o.push_back({"TIMEOUT", recovery_mode::fallback, {}});
    BOOST_TEST((recovery_for("ERR_TIMEOUT", {}, o).mode == recovery_mode::fallback));
    o.push_back({"ERR_TIMEOUT", recovery_mode::retry_with_jitter, mine});
    BOOST_TEST(recovery_for("ERR_TIMEOUT", {}, o).retry.max_attempts == 9U);
    o.push_back({"limit.step_time", recovery_mode::abort, mine});
    BOOST_TEST((recovery_for(errc::limit_step_time, o).source == recovery_source::override_entry));
    BOOST_TEST(!recovery_for(errc::limit_step_time, o).retries());
    BOOST_TEST((recovery_for("NEW_CODE", failure_category::transient, o).mode == recovery_mode::skip));
}

BOOST_AUTO_TEST_CASE(every_plan_is_a_valid_policy_and_repeats_exactly_where_its_mode_does) {
    const auto look = [](const recovery_plan& p, std::string_view name) {
        BOOST_TEST(check(p.retry).has_value(), name);
        const bool repeats = p.mode == recovery_mode::retry_immediate || p.mode == recovery_mode::retry_exponential ||
                             p.mode == recovery_mode::retry_with_jitter || p.mode == recovery_mode::checkpoint_restore;
        BOOST_TEST(p.retries() == repeats, name);
    };
    for (const failure_entry& e : failure_table()) look(recovery_for(e.code), e.code);
    for (const aos_code_info& c : aos_code_table()) look(recovery_for(c.code), c.code);
    for (const error_info& row : error_table()) look(recovery_for(row.code), row.name);
    for (const failure_category_info& c : failure_category_table()) look(recovery_for("NEW_CODE", c.category), c.name);
}

BOOST_AUTO_TEST_SUITE_END()
