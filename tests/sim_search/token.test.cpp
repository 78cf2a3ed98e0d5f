#include "sim/search/token.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "sim/search/case.hpp"
#include "tests/sim_search/planted.hpp"

using namespace planted;

namespace {

std::string why(std::string_view token) {
    const auto t = decode_token(token);
    return t ? "accepted" : (t.error().code == errc::repro_token ? "" : "another code: ") + t.error().message;
}

fault any_fault() {
    const fault_kind_info& k = fault_kinds()[*rc::gen::inRange<std::size_t>(0, fault_kind_count)];
    fault f;
    f.site =
        std::string(to_string(k.port)) + *rc::gen::element<std::string>("", "/clerk", "/clerk/charge", "/b\xc3\xa4");
    f.kind = k.kind;
    f.ordinal = *rc::gen::inRange<std::uint64_t>(1, 1'000'000'000);
    if (k.repeats) f.times = *rc::gen::element<std::uint64_t>(1, 2, fault::always, 1000);
    f.severity = *rc::gen::inRange<std::uint8_t>(1, 4);
    if (!k.span.name.empty()) f.span = {*rc::gen::inRange<std::int64_t>(0, days(365).us)};
    if (!k.forms.empty()) f.form = *rc::gen::inRange<std::uint8_t>(0, static_cast<std::uint8_t>(k.forms.size()));
    return f;
}

workload_edits any_edits() {
    workload_edits e;
    if (*rc::gen::arbitrary<bool>()) e.horizon = milliseconds(*rc::gen::inRange(1, 100'000));
    if (*rc::gen::arbitrary<bool>()) e.without = {"other", "third"};
    if (*rc::gen::arbitrary<bool>())
        e.settings = {{"clerk", "steps", *rc::gen::inRange<std::int64_t>(0, INT64_MAX)},
                      {"kv.set@1.0.0", "a \u00e4", 1}};
    const auto n = *rc::gen::inRange<std::uint32_t>(0, 3);
    for (std::uint32_t i = 0; i < n; ++i) {
        if (*rc::gen::arbitrary<bool>()) {
            e.triggers.push_back({.trigger = i, .dropped = true, .after = {}, .times = {}, .body = {}});
            continue;
        }
        e.triggers.push_back({.trigger = i,
                              .after = seconds(*rc::gen::inRange(0, 1000)),
                              .times = 1,
                              .body = json(R"({"order":"\u00e4","amount":1})")});
    }
    return e;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tokens)

RC_BOOST_PROP(a_token_read_back_is_the_same_case, ()) {
    repro_token t;
    t.path =
        *rc::gen::element<std::string>("scenarios/till.yaml", "a b/\xc3\xa4.yaml", "x", "/tmp/deep/er/till.slow.yaml");
    t.stem = stem_of(t.path);
    t.text_hash = *rc::gen::arbitrary<std::uint64_t>() >> 16;
    t.seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto n = *rc::gen::inRange<std::size_t>(0, 12);
    for (std::size_t i = 0; i < n; ++i) t.plan.faults.push_back(any_fault());
    t.edits = any_edits();
    const std::string text = encode(t);
    const auto again = decode_token(text);
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == t);
    RC_ASSERT(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:") ==
              std::string::npos);
}

RC_BOOST_PROP(a_token_with_one_character_changed_is_refused, ()) {
    const std::string text = to_token(failing_case(till()));
    std::string changed = text;
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const char c = *rc::gen::element('A', 'z', '0', '-', '_', ':', ' ', '\xc3');
    RC_PRE(changed[at] != c);
    changed[at] = c;
    RC_ASSERT(!decode_token(changed));
    RC_ASSERT(decode_token(changed).error().code == errc::repro_token);
}

BOOST_AUTO_TEST_CASE(ten_faults_fit_into_a_line) {
    run_case c = failing_case(till());
    const std::string one = to_token(c);
    for (std::uint64_t n = 1; n < 10; ++n)
        c.plan.faults.push_back({.site = n % 2 ? "skill/clerk/charge" : "process/commit",
                                 .ordinal = 100 * n,
                                 .kind = n % 2 ? fault_kind::skill_lost : fault_kind::process_kill,
                                 .severity = 3});
    BOOST_TEST(one.size() < 140U);
    BOOST_TEST(to_token(c).size() < 300U);
    BOOST_TEST(one.starts_with("aivp1:till:"));
}

BOOST_AUTO_TEST_CASE(a_token_runs_the_same_case_and_notices_another_text_of_the_scenario) {
    const auto s = till();
    run_case c = failing_case(s);
    auto edited = with_edits(c, {.horizon = hours(1), .without = {"third"}, .users = {}, .triggers = {}});
    BOOST_REQUIRE(edited.has_value());
    const auto t = decode_token(to_token(*edited));
    BOOST_REQUIRE(t.has_value());
    BOOST_TEST(t->path == "scenarios/till.yaml");
    BOOST_TEST(!is_older(*t, *s));
    const auto again = case_of(*t, s);
    BOOST_REQUIRE(again.has_value());
    BOOST_CHECK(execute(*again, {}).report.outcome == execute(*edited, {}).report.outcome);
    BOOST_CHECK(execute(*again, {}).report.outcome != execute(c, {}).report.outcome);
    auto changed = till();
    changed->hash = sha256("other");
    BOOST_TEST(is_older(*t, *changed));
    changed->agents.pop_back();
    const auto misfit = case_of(*t, changed);
    BOOST_REQUIRE(!misfit);
    BOOST_TEST((misfit.error().code == errc::repro_token));
    BOOST_TEST(misfit.error().message.find("`third`") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused_with_a_reason) {
    const std::string good = to_token(failing_case(till()));
    BOOST_TEST(why(good) == "accepted");
    BOOST_TEST(why("") == "a token begins with `aivp1:`");
    BOOST_TEST(why("aivp2:till:AAAA") == "a token begins with `aivp1:`");
    BOOST_TEST(why("aivp1:till") == "the token has no plan");
    BOOST_TEST(why("aivp1:till:") == "the token is too short");
    BOOST_TEST(why("aivp1:till:A+/=") == "the token's plan has characters that no plan has");
    BOOST_TEST(why(good.substr(0, good.size() - 4)) == "the token was not copied as it is: its check digits are wrong");
    BOOST_TEST(why("aivp1:other:" + good.substr(11)) == "the token is not written as aivp writes it");
    BOOST_TEST(why(good + std::string(token_bytes_max, 'A')) == "the token is too long");
    BOOST_TEST(why("aivp1:till:CQAAAAAAAAA") == "the token has a form that this version does not know");
}

BOOST_AUTO_TEST_CASE(a_plan_that_is_too_long_has_no_token) {
    run_case c = failing_case(till());
    for (std::uint64_t n = 0; n < token_faults_max; ++n) c.plan.faults.push_back(c.plan.faults[0]);
    BOOST_TEST(to_token(c).empty());
}

BOOST_AUTO_TEST_CASE(the_stem_is_the_files_name_in_letters_that_a_token_has) {
    BOOST_TEST(stem_of("scenarios/refund.yaml") == "refund");
    BOOST_TEST(stem_of("a/b/year.slow.yaml") == "year");
    BOOST_TEST(stem_of("two words.yaml") == "two_words");
    BOOST_TEST(stem_of("") == "scenario");
}

BOOST_AUTO_TEST_SUITE_END()
