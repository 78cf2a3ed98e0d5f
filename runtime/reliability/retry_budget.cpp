#include "aivp/reliability/retry_budget.hpp"

#include <algorithm>
#include <numeric>

#include "aivp/base/assert.hpp"
#include "runtime/reliability/internal/scale.hpp"

namespace aivp {
namespace {

constexpr std::int64_t budget_retry_milli = 1000;

std::int64_t budget_reserve_milli(const retry_budget_policy& policy) {
    return detail::narrow_saturated(detail::wide{policy.min_per_second} * policy.ttl.us / 1000);
}

} // namespace

result<void> check(const retry_budget_policy& policy) {
    AIVP_CHECK(detail::check_range("share_permille", policy.share_permille, 0, 1'000'000));
    AIVP_CHECK(detail::check_range("min_per_second", policy.min_per_second, 0, 1'000'000));
    AIVP_CHECK(detail::check_range("ttl", policy.ttl.us, milliseconds(1).us, hours(1).us));
    return {};
}

retry_budget::retry_budget(const retry_budget_policy& policy) : policy_(policy) {
    AIVP_ASSERT(check(policy).has_value(), "the policy of a retry budget was checked");
}

retry_budget::retry_budget(const retry_budget_policy& policy, const books& kept) : retry_budget(policy) {
    advance(kept.newest);
    for (std::size_t i = 0; i < slice_count; ++i)
        slice(head_ + static_cast<std::int64_t>(slice_count - i)) = kept.balances[i];
}

retry_budget::books retry_budget::kept() const {
    AIVP_ASSERT(started_, "a retry budget that was never used has no books");
    books out{.newest = {detail::narrow_saturated(detail::wide{head_} * slice_us() + instant::min().us)}};
    for (std::size_t i = 0; i < slice_count; ++i)
        out.balances[i] = slices_milli_[static_cast<std::size_t>((head_ + static_cast<std::int64_t>(slice_count - i)) %
                                                                 std::int64_t{slice_count})];
    return out;
}

std::int64_t retry_budget::slice_us() const {
    return std::max<std::int64_t>(policy_.ttl.us / std::int64_t{slice_count}, 1);
}

void retry_budget::deposit(instant now) {
    advance(now);
    slice(head_) = detail::add_saturated(slice(head_), policy_.share_permille);
}

bool retry_budget::try_withdraw(instant now) {
    advance(now);
    if (sum_milli() < budget_retry_milli) return false;
    slice(head_) = detail::add_saturated(slice(head_), -budget_retry_milli);
    return true;
}

std::int64_t retry_budget::balance_milli(instant now) const {
    retry_budget later = *this;
    later.advance(now);
    return later.sum_milli();
}

bool retry_budget::is_idle(instant now) const {
    retry_budget later = *this;
    later.advance(now);
    return std::ranges::all_of(later.slices_milli_, [](std::int64_t milli) { return milli == 0; });
}

void retry_budget::advance(instant now) {
    // Slices are counted from the beginning of time, so that their numbers are never negative.
    const detail::wide since = detail::wide{now.us} - instant::min().us;
    const std::int64_t number = detail::narrow_saturated(since / slice_us());
    if (!started_) head_ = number;
    started_ = true;
    if (number <= head_) return;
    const std::int64_t passed = std::min<std::int64_t>(number - head_, slice_count);
    for (std::int64_t i = 1; i <= passed; ++i) slice(head_ + i) = 0;
    if (passed == std::int64_t{slice_count}) slices_milli_.fill(0);
    head_ = number;
}

std::int64_t retry_budget::sum_milli() const {
    return std::accumulate(slices_milli_.begin(), slices_milli_.end(), budget_reserve_milli(policy_),
                           detail::add_saturated);
}

} // namespace aivp
