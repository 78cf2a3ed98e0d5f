#include "mocks/ledger.hpp"

#include <boost/test/unit_test.hpp>

#include "mocks/matching.hpp"
#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
ledger_entry entry(std::string operation, std::string_view arguments, effect_outcome outcome = effect_outcome::ok) {
    ledger_entry e;
    e.at = at("2026-03-02T09:00:00Z");
    e.run = {3};
    e.call = {2};
    e.agent = "triage";
    e.connector = operation.substr(0, operation.find('.'));
    e.operation = std::move(operation);
    e.target = "anna@example.test";
    e.arguments = js(arguments);
    e.outcome = outcome;
    if (outcome == effect_outcome::failed) e.code = errc::skill_conflict;
    e.result = sha256("result");
    return e;
}

void fill(world_ledger& ledger) {
    ledger.append(entry("mail.send", R"({"to":["a@x"],"subject":"one"})"));
    ledger.append(entry("mail.send", R"({"to":["b@x"],"subject":"two"})"));
    ledger.append(entry("mail.send", R"({"to":["b@x"],"subject":"two"})", effect_outcome::failed));
    ledger_entry read = entry("mail.read", R"({"id":"m1"})");
    read.effect = effect_class::read;
    ledger.append(read);
    ledger_entry again = entry("payment.charge", R"({"amount_cents":5})");
    again.idempotency_key = effect_key_of(sha256("k"));
    const auto first = ledger.append(again);
    again.duplicate_of = first;
    ledger.append(again);
}
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_ledger)

BOOST_AUTO_TEST_CASE(a_filter_counts_what_fits_all_of_its_conditions) {
    world_ledger ledger;
    fill(ledger);
    const auto count = [&](ledger_filter f) { return ledger.count(f).value(); };
    BOOST_TEST(count({}) == 6u);
    BOOST_TEST(count({.operation = "mail.send"}) == 3u);
    BOOST_TEST(count({.operation = "mail.*"}) == 4u);
    BOOST_TEST(count({.operation = "mail.send", .outcome = effect_outcome::ok}) == 2u);
    BOOST_TEST(count({.operation = "mail.send", .arguments = js(R"({"to":["b@x"]})")}) == 2u);
    BOOST_TEST(count({.arguments = js(R"({"to":["a@x"],"subject":"two"})")}) == 0u);
    BOOST_TEST(count({.effect = effect_class::read}) == 1u);
    BOOST_TEST(count({.duplicate = true}) == 1u);
    BOOST_TEST(count({.operation = "payment.charge", .duplicate = false}) == 1u);
    BOOST_TEST(count({.run = run_id{4}}) == 0u);
    BOOST_TEST(count({.agent = "nobody"}) == 0u);
    BOOST_TEST(count({.target = "anna@example.test"}) == 6u);
}

BOOST_AUTO_TEST_CASE(first_and_last_name_the_ends_of_what_fits) {
    world_ledger ledger;
    fill(ledger);
    BOOST_TEST(ledger.first({.operation = "mail.send"}).value()->ordinal == 1u);
    BOOST_TEST(ledger.last({.operation = "mail.send"}).value()->ordinal == 3u);
    BOOST_TEST((ledger.last({.operation = "files.write"}).value() == nullptr));
}

BOOST_AUTO_TEST_CASE(a_line_is_canonical_json_with_every_field) {
    world_ledger ledger;
    ledger_entry e = entry("payment.charge", R"({"b":1,"a":2})", effect_outcome::failed);
    e.idempotency_key = effect_key_of(sha256("k"));
    e.duplicate_of = 7;
    ledger.append(e);
    BOOST_TEST(
        ledger.to_json_lines() ==
        R"({"agent":"triage","arguments":{"a":2,"b":1},"at":"2026-03-02T09:00:00Z","call":2,"code":"skill.conflict",)"
        R"("connector":"payment","duplicate_of":7,"effect":"write","key":")" +
            to_hex(sha256("k"), 16) + R"(","operation":"payment.charge","ordinal":1,"outcome":"failed","result":")" +
            to_hex(sha256("result"), 16) + "\",\"run\":3,\"target\":\"anna@example.test\"}\n");
    ledger_entry bare;
    bare.connector = "kv";
    bare.operation = "kv.get";
    for (const ledger_entry& each : {ledger.entries().front(), bare})
        BOOST_TEST(std::string(js(to_json_line(each)).text()) == to_json_line(each));
}

BOOST_AUTO_TEST_CASE(the_digest_does_not_depend_on_what_is_kept_nor_on_when_it_is_asked_for) {
    world_ledger kept;
    world_ledger counted(ledger_mode::counts);
    world_ledger asked;
    fill(kept);
    fill(counted);
    asked.append(entry("mail.send", R"({"to":["a@x"],"subject":"one"})"));
    const digest early = asked.digest_head();
    BOOST_TEST((kept.digest_head() == counted.digest_head()));
    BOOST_TEST((kept.digest_head() != early));
    BOOST_TEST(counted.entries().empty());
    world_ledger other;
    fill(other);
    other.append(entry("mail.send", "{}"));
    BOOST_TEST((kept.digest_head() != other.digest_head()));
}

BOOST_AUTO_TEST_CASE(counts_work_in_every_mode_and_single_calls_only_where_they_are_kept) {
    for (const ledger_mode mode : {ledger_mode::entries, ledger_mode::counts, ledger_mode::tally}) {
        world_ledger ledger(mode);
        fill(ledger);
        BOOST_TEST(ledger.size() == 6u);
        BOOST_TEST(ledger.count("mail.send", effect_outcome::ok) == 2u);
        BOOST_TEST(ledger.count("mail.send", effect_outcome::failed) == 1u);
        BOOST_TEST(ledger.count("", effect_outcome::ok) == 4u);
        BOOST_TEST(ledger.count("files.read", effect_outcome::ok) == 0u);
        BOOST_TEST(ledger.duplicates() == 1u);
        BOOST_TEST(ledger.effects() == 3u);
        BOOST_TEST(ledger.count(ledger_filter{}).has_value() == (mode == ledger_mode::entries));
    }
    world_ledger ledger(ledger_mode::counts);
    BOOST_TEST((ledger.first({}).error().code == errc::config_not_supported));
}

BOOST_AUTO_TEST_CASE(a_part_of_the_arguments_fits_recursively) {
    const payload whole = js(R"({"a":{"b":[1,{"c":2,"d":3}],"e":null},"f":"x"})");
    BOOST_TEST(subset_matches(whole, js("{}")));
    BOOST_TEST(subset_matches(whole, js(R"({"a":{"b":[1,{"c":2}]}})")));
    BOOST_TEST(subset_matches(whole, js(R"({"a":{"e":null}})")));
    BOOST_TEST(!subset_matches(whole, js(R"({"a":{"b":[1]}})")));
    BOOST_TEST(!subset_matches(whole, js(R"({"a":{"b":[{"c":2},1]}})")));
    BOOST_TEST(!subset_matches(whole, js(R"({"g":null})")));
    BOOST_TEST(!subset_matches(whole, js(R"({"f":{}})")));
    BOOST_TEST(!subset_matches(js("3"), js("{}")));
    BOOST_TEST(subset_matches(js("3"), js("3")));
}

BOOST_AUTO_TEST_SUITE_END()
