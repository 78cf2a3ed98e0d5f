// Properties of money, time, hashes and random streams.
#include "aivp/base/money.hpp"

#include <limits>
#include <string>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "aivp/base/hash.hpp"
#include "aivp/base/random.hpp"
#include "aivp/base/time.hpp"

using namespace aivp;

namespace {
__extension__ using int128 = __int128;
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

// rapidcheck's own integers grow with the size of a case; these cover the whole range and its borders from the start.
rc::Gen<std::int64_t> any_int64() {
    return rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(), rc::gen::noShrink(rc::gen::inRange(smallest, largest)),
                          rc::gen::element(smallest, smallest + 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1},
                                           largest - 1, largest));
}
bool fits(int128 value) { return value >= smallest && value <= largest; }
} // namespace

BOOST_AUTO_TEST_SUITE(value_properties)

RC_BOOST_PROP(an_amount_that_is_not_negative_reads_back, ()) {
    const usd_micros amount{*rc::gen::suchThat(any_int64(), [](std::int64_t n) { return n >= 0; })};
    RC_ASSERT(parse_usd(to_string(amount)).value() == amount);
}

RC_BOOST_PROP(money_adds_up_or_says_that_it_overflows, ()) {
    const std::int64_t a = *any_int64();
    const std::int64_t b = *any_int64();
    const auto sum = checked_add(usd_micros{a}, usd_micros{b});
    RC_ASSERT(sum.has_value() == fits(int128{a} + b));
    if (sum) RC_ASSERT(sum->value == a + b);
    const auto difference = checked_sub(usd_micros{a}, usd_micros{b});
    RC_ASSERT(difference.has_value() == fits(int128{a} - b));
    if (difference) RC_ASSERT(difference->value == a - b);
    const auto picos = checked_add(usd_picos{a}, usd_picos{b});
    RC_ASSERT(picos.has_value() == sum.has_value());
}

RC_BOOST_PROP(a_bill_is_exact_and_rounds_up, ()) {
    const std::int64_t price = *rc::gen::oneOf(any_int64(), rc::gen::inRange<std::int64_t>(0, 100'000'000));
    const std::int64_t units = *rc::gen::oneOf(any_int64(), rc::gen::inRange<std::int64_t>(0, 10'000'000));
    const auto bill = checked_mul(usd_picos{price}, units);
    RC_ASSERT(bill.has_value() == (price >= 0 && units >= 0 && fits(int128{price} * units)));
    if (!bill) return;
    RC_ASSERT(int128{bill->value} == int128{price} * units);
    const int128 micros = to_micros_rounded_up(*bill).value;
    RC_ASSERT(micros * 1'000'000 >= bill->value);
    RC_ASSERT((micros - 1) * 1'000'000 < bill->value);
}

RC_BOOST_PROP(a_duration_reads_back, ()) {
    const duration d{*any_int64()};
    RC_ASSERT(parse_duration(to_string(d)).value() == d);
}

RC_BOOST_PROP(an_instant_of_the_common_era_reads_back_and_sorts_as_text, ()) {
    const auto common = rc::gen::inRange<std::int64_t>(-62'167'219'200'000'000, 253'402'300'800'000'000);
    const instant a{*common};
    const instant b{*common};
    RC_ASSERT(parse_instant(to_string(a)).value() == a);
    // Whole seconds have the same number of characters, so that their texts sort as they do.
    const auto whole_seconds = [](instant t) {
        return to_string(instant{t.us - (t.us % 1'000'000 + 1'000'000) % 1'000'000});
    };
    if (whole_seconds(a) < whole_seconds(b)) RC_ASSERT(a < b);
}

RC_BOOST_PROP(an_offset_moves_the_instant_by_itself, ()) {
    const instant t{*rc::gen::inRange<std::int64_t>(0, 200'000'000) * 1'000'000};
    const int hour = *rc::gen::inRange(0, 24);
    const int minute = *rc::gen::inRange(0, 60);
    const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
    const std::string local = to_string(t).substr(0, 19);
    const duration offset = hours(hour) + minutes(minute);
    RC_ASSERT(parse_instant(local + "+" + two(hour) + ":" + two(minute)).value() == t - offset);
    RC_ASSERT(parse_instant(local + "-" + two(hour) + ":" + two(minute)).value() == t + offset);
}

RC_BOOST_PROP(sums_of_times_saturate, ()) {
    const std::int64_t a = *any_int64();
    const std::int64_t b = *any_int64();
    const auto saturated = [](int128 v) {
        return static_cast<std::int64_t>(v > largest ? largest : v < smallest ? smallest : v);
    };
    RC_ASSERT((instant{a} + duration{b}).us == saturated(int128{a} + b));
    RC_ASSERT((instant{a} - duration{b}).us == saturated(int128{a} - b));
    RC_ASSERT((instant{a} - instant{b}).us == saturated(int128{a} - b));
    RC_ASSERT((duration{a} + duration{b}).us == saturated(int128{a} + b));
    RC_ASSERT((duration{a} - duration{b}).us == saturated(int128{a} - b));
}

RC_BOOST_PROP(texts_that_are_no_times_or_amounts_never_crash, (const std::string& text)) {
    if (const auto t = parse_instant(text)) RC_ASSERT(parse_instant(to_string(*t)).value() == *t);
    if (const auto d = parse_duration(text)) RC_ASSERT(parse_duration(to_string(*d)).value() == *d);
    if (const auto m = parse_usd(text)) RC_ASSERT(parse_usd(to_string(*m)).value() == *m);
    (void)parse_digest(text);
}

RC_BOOST_PROP(a_digest_of_two_parts_is_the_digest_of_their_sum, (const std::string& a, const std::string& b)) {
    RC_ASSERT(sha256(a, b) == sha256(a + b));
    RC_ASSERT(parse_digest(to_hex(sha256(a))).value() == sha256(a));
}

RC_BOOST_PROP(draws_stay_in_their_range, (std::uint64_t seed, const std::string& name)) {
    const std::int64_t a = *any_int64();
    const std::int64_t b = *any_int64();
    random_stream stream(seed, name, "", "");
    const std::int64_t drawn = stream.between(std::min(a, b), std::max(a, b));
    RC_ASSERT(drawn >= std::min(a, b));
    RC_ASSERT(drawn <= std::max(a, b));
    const auto bound = static_cast<std::uint64_t>(a) | 1;
    RC_ASSERT(stream.below(bound) < bound);
    RC_ASSERT(stream.exponential(duration{b}).us >= 0);
}

RC_BOOST_PROP(a_copied_stream_goes_on_alike, (std::uint64_t seed, std::uint8_t skip)) {
    random_stream stream(seed, "a", "b", "c");
    for (int i = 0; i < skip; ++i) stream.next();
    random_stream copy = stream;
    RC_ASSERT(copy.next() == stream.next());
    RC_ASSERT(copy == stream);
}

BOOST_AUTO_TEST_SUITE_END()
