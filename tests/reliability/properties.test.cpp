// What must hold for every policy and every course of events.
#include "aivp/reliability/retry.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <rapidcheck/boost_test.h>
#include <string>
#include <vector>

#include "aivp/reliability/circuit_breaker.hpp"
#include "aivp/reliability/gcra.hpp"
#include "aivp/reliability/retry_after.hpp"
#include "aivp/reliability/retry_budget.hpp"

using namespace aivp;

namespace {

constexpr instant start{1'767'225'600'000'000};

std::int64_t any_between(std::int64_t low, std::int64_t high) { return *rc::gen::inRange<std::int64_t>(low, high + 1); }
bool any_chance(int percent) { return any_between(0, 99) < percent; }

// Over several orders of magnitude, because small and large delays break in different places.
duration any_duration(duration most) {
    std::int64_t high = 1;
    for (std::int64_t i = any_between(0, 13); i > 0 && high < most.us; --i) high *= 10;
    return {any_between(0, std::min(high, most.us))};
}

retry_policy any_policy() {
    retry_policy p;
    p.max_attempts = static_cast<std::uint32_t>(any_between(1, 12));
    p.base_delay = any_duration(days(2));
    p.multiplier_tenths = static_cast<std::uint32_t>(any_between(10, any_chance(20) ? 1000 : 40));
    p.cap = p.base_delay + any_duration(days(30));
    p.jitter = static_cast<jitter_kind>(any_between(0, 4));
    p.jitter_permille = static_cast<std::uint32_t>(any_between(0, 1000));
    p.throttle_floor = any_duration(minutes(2));
    if (any_chance(30)) p.max_elapsed = any_duration(days(2)) + duration{1};
    if (any_chance(30)) p.attempt_limit = any_duration(hours(1)) + duration{1};
    RC_ASSERT(check(p).has_value());
    return p;
}

attempt_failure any_failure() {
    attempt_failure f;
    f.code =
        *rc::gen::element(errc::skill_unavailable, errc::model_rate_limited, errc::model_failed, errc::policy_denied);
    f.outcome = any_chance(20) ? effect_outcome::unknown : effect_outcome::failed;
    f.repeatable = any_chance(50);
    if (any_chance(40)) f.retry_after = any_duration(days(1));
    return f;
}

jitter_key any_key() { return {*rc::gen::arbitrary<std::uint64_t>()}; }

} // namespace

BOOST_AUTO_TEST_SUITE(reliability_properties)

RC_BOOST_PROP(delays_before_jitter_never_fall_and_stay_between_base_and_cap, ()) {
    const retry_policy p = any_policy();
    RC_ASSERT(backoff_delay(p, 1) == p.base_delay);
    for (std::uint32_t attempt = 1; attempt < 40; ++attempt) {
        RC_ASSERT(backoff_delay(p, attempt + 1) >= backoff_delay(p, attempt));
        RC_ASSERT(backoff_delay(p, attempt + 1) <= p.cap);
    }
}

RC_BOOST_PROP(jitter_stays_within_the_bounds_of_its_kind, ()) {
    const retry_policy p = any_policy();
    const auto attempt = static_cast<std::uint32_t>(any_between(1, 12));
    const bool throttled = any_chance(50);
    const duration d = backoff_delay(p, attempt);
    const duration j = jittered_delay(p, attempt, any_key(), throttled);
    RC_ASSERT(j >= duration{} && j <= p.cap);
    const duration half{d.us / 2};
    if (p.jitter == jitter_kind::none) RC_ASSERT(j == d);
    if (p.jitter == jitter_kind::full) RC_ASSERT(j <= d);
    if (p.jitter == jitter_kind::equal) RC_ASSERT(j >= half && j <= d);
    if (p.jitter == jitter_kind::decorrelated && !throttled) RC_ASSERT(j >= p.base_delay);
    if (p.jitter == jitter_kind::proportional) {
        const duration part{d.us / 1000 * p.jitter_permille + d.us % 1000 * p.jitter_permille / 1000};
        RC_ASSERT(j >= d - part && j <= d + part);
    }
    if (throttled) RC_ASSERT(j >= half);
}

RC_BOOST_PROP(no_attempt_begins_early_or_at_or_past_the_deadline_or_beyond_the_allowed_number, ()) {
    const retry_policy p = any_policy();
    const attempt_failure f = any_failure();
    const jitter_key key = any_key();
    instant now = start;
    const instant deadline = any_chance(20) ? instant::max() : start + any_duration(days(3));
    std::uint32_t attempt = 1;
    for (;; ++attempt) {
        RC_ASSERT(attempt <= p.max_attempts);
        const auto d = next_attempt(p, attempt, f, {.first_started = start, .now = now, .deadline = deadline}, key);
        if (!d) break;
        RC_ASSERT(f.code != errc::policy_denied);
        RC_ASSERT(f.outcome != effect_outcome::unknown || f.repeatable);
        RC_ASSERT(d.at == now + d.wait && d.at >= now && d.at < deadline);
        if (p.max_elapsed) RC_ASSERT(d.at < start + *p.max_elapsed);
        RC_ASSERT(d.attempt_deadline > d.at && d.attempt_deadline <= deadline);
        duration floor = f.retry_after.value_or(duration{});
        if (is_throttling(f.code)) floor = std::max(floor, p.throttle_floor);
        RC_ASSERT(d.wait >= floor);
        RC_ASSERT(d.wait <= std::max(p.cap, floor + duration{floor.us / 8}));
        now = d.at + any_duration(minutes(5));
    }
}

RC_BOOST_PROP(the_same_question_has_the_same_answer_and_another_attempt_does_not_shift_it, ()) {
    const retry_policy p = any_policy();
    const attempt_failure f = any_failure();
    const jitter_key key = any_key();
    const retry_times times{.first_started = start, .now = start};
    const auto once = next_attempt(p, 2, f, times, key);
    for (std::uint32_t attempt = 1; attempt < 5; ++attempt) (void)next_attempt(p, attempt, f, times, key);
    RC_ASSERT(next_attempt(p, 2, f, times, key) == once);
}

// Of 1000 pairs of neighbouring keys some 500 agree on a coin, with a standard deviation of 16.
BOOST_AUTO_TEST_CASE(neighbouring_keys_and_attempts_are_independent) {
    const retry_policy p{.base_delay = seconds(1)};
    int keys_agree = 0;
    int attempts_agree = 0;
    std::int64_t sum = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto coin = [&](std::uint64_t ordinal, std::uint32_t attempt) {
            const retry_policy flat{.base_delay = seconds(1), .multiplier_tenths = 10};
            return jittered_delay(flat, attempt, jitter_key_of(1, run_id{1}, "call", ordinal)) >= milliseconds(500);
        };
        keys_agree += coin(i, 1) == coin(i + 1, 1);
        attempts_agree += coin(i, 1) == coin(i, 2);
        sum += jittered_delay(p, 1, jitter_key_of(1, run_id{i}, "call", 1)).us;
    }
    BOOST_TEST(std::abs(keys_agree - 500) < 80);
    BOOST_TEST(std::abs(attempts_agree - 500) < 80);
    BOOST_TEST(std::abs(sum / 1000 - 500'000) < 50'000);
}

RC_BOOST_PROP(retries_never_exceed_their_share_and_reserve_in_any_window, ()) {
    const retry_budget_policy p{.share_permille = static_cast<std::uint32_t>(any_between(0, 2000)),
                                .min_per_second = static_cast<std::uint32_t>(any_between(0, 5)),
                                .ttl = milliseconds(any_between(1, 20'000))};
    retry_budget budget{p};
    std::vector<instant> requests;
    std::vector<instant> retries;
    instant now = start;
    for (std::int64_t i = any_between(0, 300); i > 0; --i) {
        now = now + duration{any_between(0, p.ttl.us / any_between(1, 50))};
        if (any_chance(50)) {
            budget.deposit(now);
            requests.push_back(now);
        } else if (budget.try_withdraw(now)) {
            retries.push_back(now);
        }
    }
    // Slices that begin anywhere within the window: the last nine are whole.
    const duration sure{p.ttl.us / 10 * 9};
    for (const instant end : retries) {
        const auto within = [&](const std::vector<instant>& times, duration length) {
            return std::ranges::count_if(times, [&](instant t) { return t <= end && t > end - length; });
        };
        const std::int64_t allowed = within(requests, p.ttl) * p.share_permille + p.min_per_second * p.ttl.us / 1000;
        RC_ASSERT(within(retries, sure) * 1000 <= allowed);
    }
}

RC_BOOST_PROP(a_rate_limit_holds_in_every_window_and_names_the_first_moment_to_come_back, ()) {
    const rate_limit limit{.count = any_between(1, any_chance(50) ? 10 : 1'000'000),
                           .per = duration{1 + any_duration(hours(1)).us},
                           .burst = any_between(1, any_chance(50) ? 5 : 100'000)};
    RC_ASSERT(check(limit).has_value());
    gcra_state state;
    struct taken {
        instant at;
        std::int64_t cost;
    };
    std::vector<taken> all;
    instant now = start;
    for (int i = 0; i < 60; ++i) {
        const std::int64_t cost = any_between(1, any_chance(50) ? limit.burst : std::min<std::int64_t>(limit.burst, 3));
        const rate_answer a = admit(limit, state, cost, now);
        if (a) {
            all.push_back({now, cost});
            if (any_chance(40)) now = now + any_duration(limit.per);
            continue;
        }
        RC_ASSERT(a.verdict == rate_verdict::wait && a.at > now);
        RC_ASSERT(!peek(limit, state, cost, a.at - duration{1}));
        RC_ASSERT(bool(peek(limit, state, cost, a.at)));
        now = any_chance(70) ? a.at : now + any_duration(a.at - now);
    }
    __extension__ using wide = __int128;
    for (std::size_t first = 0; first < all.size(); ++first) {
        wide cost = 0;
        for (std::size_t last = first; last < all.size(); ++last) {
            cost += all[last].cost;
            const wide length_us = (all[last].at - all[first].at).us;
            RC_ASSERT(bool((cost - limit.burst) * limit.per.us <= length_us * limit.count));
        }
    }
}

// The model keeps the time as a fraction, as a whole number of 1/count microseconds.
RC_BOOST_PROP(a_rate_limit_answers_as_exact_fractions_do, ()) {
    __extension__ using wide = __int128;
    const rate_limit limit{.count = any_between(1, any_chance(50) ? 10 : 1'000'000),
                           .per = duration{1 + any_duration(hours(1)).us},
                           .burst = any_between(1, any_chance(50) ? 5 : 100'000)};
    gcra_state state;
    wide tat = wide{start.us} * limit.count;
    instant now = start;
    for (int i = 0; i < 80; ++i) {
        const std::int64_t cost = any_between(1, std::min<std::int64_t>(limit.burst, any_chance(50) ? 3 : 100'000));
        const wide scaled_now = wide{now.us} * limit.count;
        const wide latest = tat - wide{limit.burst - cost} * limit.per.us;
        const wide first_us = (latest + limit.count - 1) / limit.count;
        const rate_answer a = admit(limit, state, cost, now);
        RC_ASSERT(bool(a) == (scaled_now >= latest));
        if (a) {
            tat = std::max(tat, scaled_now) + wide{cost} * limit.per.us;
            if (any_chance(30)) now = now + any_duration(limit.per);
            continue;
        }
        RC_ASSERT(bool(wide{a.at.us} == first_us));
        if (any_chance(20)) {
            charge(limit, state, cost, now);
            tat = std::max(tat, scaled_now) + wide{cost} * limit.per.us;
        }
        now = any_chance(70) ? a.at : now + any_duration(a.at - now);
    }
}

namespace {

breaker_policy any_breaker_policy() {
    breaker_policy p;
    p.window = any_chance(50) ? breaker_window::count : breaker_window::time;
    p.window_calls = static_cast<std::uint32_t>(any_between(1, any_chance(80) ? 8 : breaker_window_calls_limit));
    p.window_time = milliseconds(any_between(1, 5'000));
    p.calls_min = static_cast<std::uint32_t>(any_between(1, p.window_calls));
    p.failure_permille = static_cast<std::uint32_t>(any_between(1, 1000));
    p.slow_permille = static_cast<std::uint32_t>(any_between(1, 1000));
    if (any_chance(50)) p.slow_from = milliseconds(any_between(1, 500));
    p.open_for = milliseconds(any_between(1, 3'000));
    p.open_growth_tenths = static_cast<std::uint32_t>(any_between(10, 40));
    p.open_max = p.open_for + milliseconds(any_between(0, 9'000));
    p.probes_max = static_cast<std::uint32_t>(any_between(1, breaker_probes_limit));
    p.probe_timeout = milliseconds(any_between(1, 2'000));
    RC_ASSERT(check(p).has_value());
    return p;
}

breaker_verdict any_verdict(int failures_percent) {
    if (any_chance(10)) return breaker_verdict::neutral;
    return any_chance(failures_percent) ? breaker_verdict::failure : breaker_verdict::success;
}

struct breaker_call {
    breaker_permit permit;
    instant begun;
};

} // namespace

RC_BOOST_PROP(looking_at_a_breaker_often_or_seldom_makes_no_difference, ()) {
    const breaker_policy p = any_breaker_policy();
    circuit_breaker watched{p};
    circuit_breaker plain{p};
    std::deque<breaker_call> running;
    instant now = start;
    const int failures_percent = static_cast<int>(any_between(0, 100));
    for (int i = 0; i < 120; ++i) {
        const instant next = now + any_duration(seconds(5));
        for (instant t = now; t < next; t = t + duration{(next - now).us / 7 + 1}) watched.advance(t);
        now = next;
        if (any_chance(60) || running.empty()) {
            const auto answer = plain.allow(now);
            RC_ASSERT(watched.allow(now) == answer);
            if (answer) running.push_back({*answer.permit, now});
        } else {
            const breaker_call c = running.front();
            running.pop_front();
            const auto verdict = any_verdict(failures_percent);
            plain.record(c.permit, verdict, now - c.begun, now);
            watched.record(c.permit, verdict, now - c.begun, now);
        }
        RC_ASSERT(watched == plain);
    }
}

RC_BOOST_PROP(a_refused_caller_who_comes_back_when_told_gets_through_in_the_end, ()) {
    const breaker_policy p = any_breaker_policy();
    circuit_breaker b{p};
    instant now = start;
    // Every probe hangs for ever. Still the breaker goes on asking, and lets no more through than it should.
    while (b.state(now) == breaker_state::closed)
        b.record(b.allow(now).permit.value(), breaker_verdict::failure, {}, now);
    for (int phase = 0; phase < 5; ++phase) {
        std::uint32_t let_through = 0;
        instant half_open_since = now;
        for (int i = 0; i < 100 && b.state(now) == breaker_state::half_open; ++i) {
            const auto answer = b.allow(now);
            if (answer) {
                ++let_through;
                half_open_since = now;
                continue;
            }
            RC_ASSERT(answer.retry_at > now && answer.retry_at <= now + p.probe_timeout);
            now = answer.retry_at;
        }
        RC_ASSERT(let_through <= p.probes_max);
        RC_ASSERT(now <= half_open_since + p.probe_timeout);
        RC_ASSERT(b.state(now) == breaker_state::open);
        const auto refused = b.allow(now);
        RC_ASSERT(!refused && refused.retry_at > now && refused.retry_at <= now + p.open_max);
        now = refused.retry_at;
        RC_ASSERT(b.state(now) == breaker_state::half_open);
    }
    // The dependency has recovered.
    for (std::uint32_t i = 0; i < p.probes_max && b.state(now) == breaker_state::half_open; ++i)
        b.record(b.allow(now).permit.value(), breaker_verdict::success, {}, now);
    RC_ASSERT(b.state(now) == breaker_state::closed);
}

// A model of the closed state that keeps every call and counts anew each time.
RC_BOOST_PROP(a_closed_breaker_opens_exactly_when_the_calls_in_its_window_say_so, ()) {
    const breaker_policy p = any_breaker_policy();
    circuit_breaker b{p};
    struct past_call {
        std::int64_t slice;
        bool failed;
        bool slow;
    };
    std::vector<past_call> calls;
    instant now = start;
    const int failures_percent = static_cast<int>(any_between(0, 100));
    for (int i = 0; i < 300; ++i) {
        if (any_chance(30)) now = now + any_duration(p.window_time);
        const auto verdict = any_verdict(failures_percent);
        const duration latency = milliseconds(any_between(0, 600));
        b.record(b.allow(now).permit.value(), verdict, latency, now);
        if (verdict == breaker_verdict::neutral) continue;
        // Slices are counted from the beginning of time.
        __extension__ using wide = __int128;
        const auto slice = static_cast<std::int64_t>((wide{now.us} - instant::min().us) / (p.window_time.us / 10));
        calls.push_back({slice, verdict == breaker_verdict::failure, p.slow_from && latency >= *p.slow_from});
        std::int64_t whole = 0;
        std::int64_t failed = 0;
        std::int64_t slow = 0;
        for (std::size_t k = calls.size(); k > 0; --k) {
            const past_call& c = calls[k - 1];
            const bool inside = p.window == breaker_window::count ? whole < p.window_calls : c.slice > slice - 10;
            if (!inside) break;
            ++whole;
            failed += c.failed;
            slow += c.slow;
        }
        const bool opens = whole >= p.calls_min && (failed * 1000 >= p.failure_permille * whole ||
                                                    (p.slow_from && slow * 1000 >= p.slow_permille * whole));
        RC_ASSERT((b.state(now) == breaker_state::open) == opens);
        if (opens) return;
    }
}

RC_BOOST_PROP(half_open_never_has_more_probes_out_than_allowed, ()) {
    const breaker_policy p = any_breaker_policy();
    circuit_breaker b{p};
    std::vector<breaker_call> running;
    instant now = start;
    const int failures_percent = static_cast<int>(any_between(0, 100));
    for (int i = 0; i < 200; ++i) {
        now = now + any_duration(seconds(2));
        const auto answer = b.allow(now);
        if (answer) {
            running.push_back({*answer.permit, now});
            if (answer.permit->probe != 0) {
                const auto out = std::ranges::count_if(running, [&](const breaker_call& c) {
                    return c.permit.probe != 0 && c.permit.generation == answer.permit->generation &&
                           c.begun + p.probe_timeout > now;
                });
                RC_ASSERT(out <= std::int64_t{p.probes_max});
            }
        } else {
            RC_ASSERT(answer.retry_at > now);
        }
        if (!running.empty() && any_chance(60)) {
            const auto at = static_cast<std::ptrdiff_t>(any_between(0, static_cast<std::int64_t>(running.size()) - 1));
            b.record(running[static_cast<std::size_t>(at)].permit, any_verdict(failures_percent), {}, now);
            running.erase(running.begin() + at);
        }
    }
}

RC_BOOST_PROP(a_date_is_read_back_from_all_its_forms, ()) {
    const instant t = instant{} + seconds(any_between(0, 4'000'000'000));
    const std::string iso = to_string(t);
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string year = iso.substr(0, 4);
    const std::string month = months[static_cast<std::size_t>(std::stoi(iso.substr(5, 2)) - 1)];
    const std::string day = iso.substr(8, 2);
    const std::string time = iso.substr(11, 8);
    const std::string padded = day[0] == '0' ? " " + day.substr(1) : day;
    const instant now = t - seconds(any_between(0, 86'400));
    for (const std::string& text : {"Mon, " + day + " " + month + " " + year + " " + time + " GMT",
                                    "Monday, " + day + "-" + month + "-" + year.substr(2) + " " + time + " GMT",
                                    "Mon " + month + " " + padded + " " + time + " " + year}) {
        RC_ASSERT(parse_http_date(text, now) == std::optional(t));
        RC_ASSERT(parse_retry_after(text, now)->wait == t - now);
    }
}

RC_BOOST_PROP(what_we_write_as_a_duration_is_read_as_the_same_reset, ()) {
    const duration d = any_duration(days(1));
    RC_ASSERT(parse_reset_duration(to_string(d)) == std::optional(d));
    RC_ASSERT(parse_reset(to_string(start + d), start)->wait == d);
}

RC_BOOST_PROP(no_text_gives_a_wait_outside_the_bounds, (const std::string& text)) {
    for (const auto& hint : {parse_retry_after(text, start), parse_reset(text, start)})
        if (hint) RC_ASSERT(hint->wait >= duration{} && hint->wait <= retry_after_max);
}

BOOST_AUTO_TEST_SUITE_END()
