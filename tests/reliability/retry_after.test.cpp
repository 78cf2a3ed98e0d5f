#include "aivp/reliability/retry_after.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace aivp;

namespace {

const instant now = parse_instant("2026-01-01T00:00:00Z").value();

std::string shown(const std::optional<retry_after_hint>& h) {
    if (!h) return "nothing";
    return std::to_string(h->wait.us) + " " + std::string(to_string(h->source)) + (h->clamped ? " clamped" : "");
}
std::string read(std::string_view value, instant at = now) { return shown(parse_retry_after(value, at)); }
std::string reset(std::string_view value) { return shown(parse_reset(value, now)); }
std::string find(const std::vector<header_view>& headers) { return shown(find_retry_after(headers, now)); }
std::string date(std::string_view text, instant at = now) {
    const auto t = parse_http_date(text, at);
    return t ? to_string(*t) : "nothing";
}

} // namespace

BOOST_AUTO_TEST_SUITE(retry_after)

BOOST_AUTO_TEST_CASE(seconds_are_read_and_fractions_are_rounded_up) {
    BOOST_TEST(read("0") == "0 seconds");
    BOOST_TEST(read("120") == "120000000 seconds");
    BOOST_TEST(read(" \t007 ") == "7000000 seconds");
    BOOST_TEST(read("1.5") == "1500000 seconds");
    BOOST_TEST(read("0.0000001") == "1 seconds");
    BOOST_TEST(read("0.00000000000000000001") == "1 seconds");
    BOOST_TEST(read("2.000000000000000000000") == "2000000 seconds");
}

BOOST_AUTO_TEST_CASE(absurd_waits_are_clamped) {
    BOOST_TEST(read("-5") == "0 seconds clamped");
    BOOST_TEST(read("-0") == "0 seconds");
    BOOST_TEST(read("86400") == "86400000000 seconds");
    BOOST_TEST(read("86401") == "86400000000 seconds clamped");
    BOOST_TEST(read("99999999999999999999999999999999999") == "86400000000 seconds clamped");
    BOOST_TEST(read("Wed, 31 Dec 2025 23:59:59 GMT") == "0 date clamped");
    BOOST_TEST(read("Sat, 03 Jan 2026 00:00:00 GMT") == "86400000000 date clamped");
}

BOOST_AUTO_TEST_CASE(garbage_is_no_wait) {
    for (const char* text :
         {"", " ", "soon", "+5", "1 2", "1,5", ".5", "5.", "1e3", "0x10", "5s", "--5", "NaN", "\xff"})
        BOOST_TEST(read(text) == "nothing", text);
}

BOOST_AUTO_TEST_CASE(all_three_forms_of_a_date_are_read) {
    BOOST_TEST(date("Sun, 06 Nov 1994 08:49:37 GMT") == "1994-11-06T08:49:37Z");
    BOOST_TEST(date("Sunday, 06-Nov-94 08:49:37 GMT") == "1994-11-06T08:49:37Z");
    BOOST_TEST(date("Sun Nov  6 08:49:37 1994") == "1994-11-06T08:49:37Z");
    BOOST_TEST(date("Wed Nov 16 08:49:37 1994") == "1994-11-16T08:49:37Z");
    BOOST_TEST(date("sun, 06 nov 1994 08:49:37 gmt") == "1994-11-06T08:49:37Z");
    BOOST_TEST(date("Sat, 31 Dec 2016 23:59:60 GMT") == "2017-01-01T00:00:00Z");
    BOOST_TEST(read("Thu, 01 Jan 2026 00:01:30 GMT") == "90000000 date");
    BOOST_TEST(read("Thursday, 01-Jan-26 00:01:30 GMT") == "90000000 date");
    BOOST_TEST(read("Thu Jan  1 00:01:30 2026") == "90000000 date");
}

BOOST_AUTO_TEST_CASE(two_digits_mean_the_year_within_fifty_years) {
    BOOST_TEST(date("Monday, 01-Jun-76 00:00:00 GMT") == "2076-06-01T00:00:00Z");
    BOOST_TEST(date("Monday, 01-Jun-77 00:00:00 GMT") == "1977-06-01T00:00:00Z");
    const instant late = parse_instant("2099-12-31T23:59:00Z").value();
    BOOST_TEST(date("Friday, 01-Jan-00 00:00:00 GMT", late) == "2100-01-01T00:00:00Z");
    BOOST_TEST(date("Friday, 01-Jan-99 00:00:00 GMT", late) == "2099-01-01T00:00:00Z");
}

BOOST_AUTO_TEST_CASE(broken_dates_are_refused) {
    for (const char* text :
         {"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 08:49:37 PST",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
          "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
          "Sun, 06 Foo 1994 08:49:37 GMT", "Day, 06 Nov 1994 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
          "Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "1994-11-06T08:49:37Z"})
        BOOST_TEST(date(text) == "nothing", text);
    BOOST_TEST(date("Sun, 06 Nov 1994 08:49:37 GMT", instant::max()) == "nothing");
    BOOST_TEST(date("Sun, 06 Nov 1994 08:49:37 GMT", instant::min()) == "nothing");
}

BOOST_AUTO_TEST_CASE(durations_of_real_servers_are_read) {
    const auto us = [](std::string_view text) { return parse_reset_duration(text).value_or(duration{-1}).us; };
    BOOST_TEST(us("12ms") == 12'000);
    BOOST_TEST(us("1s") == 1'000'000);
    BOOST_TEST(us("6m0s") == 360'000'000);
    BOOST_TEST(us("20m52.666s") == 1'252'666'000);
    BOOST_TEST(us("17.399999999s") == 17'400'000);
    BOOST_TEST(us("45.837906927s") == 45'837'907);
    BOOST_TEST(us("1h2m3s4ms5us") == 3'723'004'005);
    BOOST_TEST(us("7\xc2\xb5s") == 7);
    BOOST_TEST(us("1ns") == 1);
    BOOST_TEST(us("1d") == 86'400'000'000);
    BOOST_TEST(us("-1500ns") == -1);
    BOOST_TEST(us("99999999999999999999d9h") == days(1000).us);
    for (const char* text : {"", "-", "s", "1", "1x", "1s1", "1 s", "1.s", "+1s", "1s ago"})
        BOOST_TEST(!parse_reset_duration(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(a_reset_is_a_duration_an_instant_or_a_number) {
    BOOST_TEST(reset("6m0s") == "360000000 reset");
    BOOST_TEST(reset("2026-01-01T00:00:30Z") == "30000000 reset");
    BOOST_TEST(reset("2026-01-01T01:00:30+01:00") == "30000000 reset");
    BOOST_TEST(reset("2026-01-01T00:00:30.0000001Z") == "30000001 reset");
    BOOST_TEST(reset("2026-01-01T00:00:30.000000000Z") == "30000000 reset");
    BOOST_TEST(reset("2025-12-31T00:00:00Z") == "0 reset clamped");
    BOOST_TEST(reset("7") == "7000000 reset");
    BOOST_TEST(reset("0.25") == "250000 reset");
    BOOST_TEST(reset("1767225660") == "60000000 reset");
    BOOST_TEST(reset("1767225660000") == "60000000 reset");
    BOOST_TEST(reset("999999999") == "86400000000 reset clamped");
    BOOST_TEST(reset("tomorrow") == "nothing");
}

BOOST_AUTO_TEST_CASE(the_most_exact_header_wins_and_broken_ones_are_passed_over) {
    BOOST_TEST(find({}) == "nothing");
    BOOST_TEST(find({{"RETRY-AFTER", "3"}, {"Retry-After-Ms", "1500"}}) == "1500000 milliseconds");
    BOOST_TEST(find({{"retry-after-ms", "soon"}, {"retry-after", "3"}}) == "3000000 seconds");
    BOOST_TEST(find({{"retry-after", "3"}, {"retry-after", "9"}, {"retry-after", "4"}}) == "9000000 seconds");
    BOOST_TEST(find({{"retry-after", "x"}, {"x-ratelimit-reset-requests", "1s"}}) == "1000000 reset");
    BOOST_TEST(find({{"content-type", "3"}, {"retry-afterwards", "3"}, {"reset", "3"}}) == "nothing");
}

BOOST_AUTO_TEST_CASE(the_last_limit_that_is_used_up_counts_else_the_first_of_all) {
    BOOST_TEST(find({{"X-RateLimit-Remaining-Requests", "0"},
                     {"X-RateLimit-Reset-Requests", "6m0s"},
                     {"X-RateLimit-Remaining-Tokens", "12"},
                     {"X-RateLimit-Reset-Tokens", "1h"}}) == "360000000 reset");
    BOOST_TEST(find({{"anthropic-ratelimit-input-tokens-remaining", "0"},
                     {"anthropic-ratelimit-input-tokens-reset", "2026-01-01T00:00:20Z"},
                     {"anthropic-ratelimit-requests-remaining", "0"},
                     {"anthropic-ratelimit-requests-reset", "2026-01-01T00:00:40Z"}}) == "40000000 reset");
    BOOST_TEST(find({{"x-ratelimit-reset-requests", "1s"}, {"x-ratelimit-reset-tokens", "20ms"}}) == "20000 reset");
    BOOST_TEST(find({{"ratelimit-remaining", "0"}, {"ratelimit-reset", "50"}}) == "50000000 reset");
    BOOST_TEST(find({{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1767225610"}}) == "10000000 reset");
}

BOOST_AUTO_TEST_CASE(should_retry_is_true_false_or_not_said) {
    const auto said = [](std::string_view value) {
        const std::vector<header_view> headers{{"X-Should-Retry", value}};
        return find_should_retry(headers);
    };
    BOOST_TEST((said("true") == std::optional(true)));
    BOOST_TEST((said(" FALSE ") == std::optional(false)));
    BOOST_TEST(!said("1").has_value());
    BOOST_TEST(!find_should_retry({}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
