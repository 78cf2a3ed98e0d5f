#include "aivp/reliability/gcra.hpp"

#include <algorithm>

#include "runtime/reliability/internal/scale.hpp"

namespace aivp {
namespace {

std::int64_t gcra_ns(instant t) { return detail::narrow_saturated(detail::wide{t.us} * 1000); }

// What a cost takes of the bucket's time, multiplied by `count` so that nothing is lost.
detail::wide gcra_scaled(const rate_limit& limit, std::int64_t cost) {
    return detail::wide{cost} * limit.per.us * 1000;
}

// Of a state that comes from a limit with a larger count, as much as this one can have.
detail::wide gcra_rest(const rate_limit& limit, const gcra_state& state) {
    return std::min(state.tat_rest, limit.count - 1);
}

} // namespace

result<void> check(const rate_limit& limit) {
    constexpr std::int64_t most = 1'000'000'000'000;
    AIVP_CHECK(detail::check_range("count", limit.count, 1, most));
    AIVP_CHECK(detail::check_range("per", limit.per.us, 1, days(366).us));
    AIVP_CHECK(detail::check_range("burst", limit.burst, 1, most));
    return {};
}

rate_answer peek(const rate_limit& limit, const gcra_state& state, std::int64_t cost, instant now) {
    if (cost <= 0) return {rate_verdict::admitted, now};
    if (cost > limit.burst) return {rate_verdict::never, instant::max()};
    const detail::wide free = gcra_scaled(limit, limit.burst - cost);
    const detail::wide rest = gcra_rest(limit, state);
    if ((detail::wide{state.tat_ns} - gcra_ns(now)) * limit.count + rest <= free) return {rate_verdict::admitted, now};
    const detail::wide at_ns = detail::wide{state.tat_ns} + detail::ceil_div(rest - free, limit.count);
    return {rate_verdict::wait, instant{detail::narrow_saturated(detail::ceil_div(at_ns, 1000))}};
}

rate_answer admit(const rate_limit& limit, gcra_state& state, std::int64_t cost, instant now) {
    const rate_answer answer = peek(limit, state, cost, now);
    if (answer) charge(limit, state, cost, now);
    return answer;
}

void charge(const rate_limit& limit, gcra_state& state, std::int64_t cost, instant now) {
    if (cost <= 0) return;
    const bool empty = state.tat_ns < gcra_ns(now);
    const detail::wide from = empty ? gcra_ns(now) : state.tat_ns;
    const detail::wide more = gcra_scaled(limit, cost) + (empty ? 0 : gcra_rest(limit, state));
    state.tat_ns = detail::narrow_saturated(from + more / limit.count);
    state.tat_rest = static_cast<std::int64_t>(more % limit.count);
}

} // namespace aivp
