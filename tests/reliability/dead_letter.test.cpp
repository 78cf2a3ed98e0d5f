#include "aivp/reliability/dead_letter.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace aivp;

namespace {

std::string kind_of(errc code, retry_stop stop = retry_stop::none) {
    const auto letter = dead_letter_for({.run = {1}, .code = code, .outcome = effect_outcome::failed, .stop = stop});
    return letter ? std::string(to_string(letter->kind)) : "none";
}

} // namespace

BOOST_AUTO_TEST_SUITE(dead_letters)

BOOST_AUTO_TEST_CASE(success_and_decided_ends_make_no_letter) {
    for (const errc code : {errc::ok, errc::policy_denied, errc::cap_missing, errc::approval_required,
                            errc::run_cancelled, errc::run_abstained, errc::trigger_refused, errc::trigger_queue_full})
        BOOST_TEST(kind_of(code) == "none", info(code).name);
}

BOOST_AUTO_TEST_CASE(what_could_be_repeated_is_exhausted) {
    BOOST_TEST(kind_of(errc::skill_unavailable, retry_stop::attempts) == "exhausted");
    BOOST_TEST(kind_of(errc::skill_unavailable, retry_stop::deadline) == "exhausted");
    BOOST_TEST(kind_of(errc::retry_exhausted) == "exhausted");
    BOOST_TEST(kind_of(errc::lease_held, retry_stop::budget) == "exhausted");
}

BOOST_AUTO_TEST_CASE(what_would_fail_again_is_failed) {
    BOOST_TEST(kind_of(errc::run_step_failed) == "failed");
    BOOST_TEST(kind_of(errc::budget_exhausted) == "failed");
    BOOST_TEST(kind_of(errc::internal_bug) == "failed");
}

BOOST_AUTO_TEST_CASE(a_write_that_may_have_happened_is_parked_and_never_replayed_by_itself) {
    final_outcome end{.run = {1},
                      .call = {2},
                      .code = errc::skill_unavailable,
                      .effect = effect_class::write,
                      .outcome = effect_outcome::unknown,
                      .repeatable = false};
    const auto letter = dead_letter_for(end);
    BOOST_REQUIRE(letter.has_value());
    BOOST_TEST((letter->kind == dead_letter_kind::parked));
    BOOST_TEST(!is_replayable(*letter));
    end.code = errc::run_cancelled; // a cancellation does not make it known
    BOOST_TEST((dead_letter_for(end)->kind == dead_letter_kind::parked));
    end.code = errc::skill_unavailable;
    end.repeatable = true;
    BOOST_TEST((dead_letter_for(end)->kind == dead_letter_kind::exhausted));
    end.repeatable = false;
    end.effect = effect_class::read;
    BOOST_TEST(is_replayable(*dead_letter_for(end)));
    BOOST_TEST(kind_of(errc::call_parked) == "parked");
}

BOOST_AUTO_TEST_CASE(a_letter_carries_what_it_takes_to_do_it_again) {
    const auto letter = dead_letter_for({.run = {7},
                                         .call = {3},
                                         .code = errc::model_failed,
                                         .outcome = effect_outcome::failed,
                                         .stop = retry_stop::attempts,
                                         .message = "status 500",
                                         .at = {5},
                                         .attempts = 4,
                                         .work = payload::of_string("w")});
    const dead_letter expected{.kind = dead_letter_kind::exhausted,
                               .run = {7},
                               .call = {3},
                               .code = errc::model_failed,
                               .message = "status 500",
                               .at = {5},
                               .attempts = 4,
                               .work = payload::of_string("w")};
    BOOST_TEST((letter == expected));
}

// Only what somebody decided may end without a trace.
BOOST_AUTO_TEST_CASE(no_other_failure_disappears) {
    for (const error_info& row : error_table()) {
        const bool gate_or_trigger = row.exit_code == 31 || row.exit_code == 32 || row.name.starts_with("trigger.");
        const bool on_request = row.code == errc::run_cancelled || row.code == errc::run_abstained;
        if (row.code == errc::ok || gate_or_trigger || on_request || row.name.starts_with("limit.") ||
            row.name.starts_with("secret.") || row.name.starts_with("loop."))
            continue;
        BOOST_TEST(kind_of(row.code) != "none", row.name);
    }
}

BOOST_AUTO_TEST_SUITE_END()
