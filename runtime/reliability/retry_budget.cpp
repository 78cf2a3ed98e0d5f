#include "aivp/reliability/retry_budget.hpp"

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

void retry_budget::deposit(instant now) {
    advance(now);
    std::int64_t& newest = slices_milli_[static_cast<std::size_t>(head_ % std::int64_t{slice_count})];
    newest = detail::add_saturated(newest, policy_.share_permille);
}

bool retry_budget::try_withdraw(instant now) {
    advance(now);
    if (sum_milli() < budget_retry_milli) return false;
    slices_milli_[static_cast<std::size_t>(head_ % std::int64_t{slice_count})] -= budget_retry_milli;
    return true;
}

std::int64_t retry_budget::balance_milli(instant now) const {
    retry_budget later = *this;
    later.advance(now);
    return later.sum_milli();
}

void retry_budget::advance(instant now) {
    // Slices are counted from the beginning of time, so that their numbers are never negative.
    const detail::wide since = detail::wide{now.us} - instant::min().us;
    const std::int64_t slice =
        detail::narrow_saturated(since / std::max<std::int64_t>(policy_.ttl.us / std::int64_t{slice_count}, 1));
    if (!started_) head_ = slice;
    started_ = true;
    if (slice <= head_) return;
    const std::int64_t passed = std::min<std::int64_t>(slice - head_, slice_count);
    for (std::int64_t i = 1; i <= passed; ++i)
        slices_milli_[static_cast<std::size_t>((head_ + i) % std::int64_t{slice_count})] = 0;
    if (passed == std::int64_t{slice_count}) slices_milli_.fill(0);
    head_ = slice;
}

std::int64_t retry_budget::sum_milli() const {
    return std::accumulate(slices_milli_.begin(), slices_milli_.end(), budget_reserve_milli(policy_),
                           detail::add_saturated);
}

} // namespace aivp
