// A bound on how much of the load on a dependency may be retries, so that an outage is not made worse by them. After
// Finagle's RetryBudget (twitter/finagle, com.twitter.finagle.service.RetryBudget): each request pays in a share of a retry,
// a reserve allows some for those who rarely call, and what was paid in is worth nothing after a time to live.
#pragma once

#include <array>
#include <cstdint>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

struct retry_budget_policy {
    std::uint32_t share_permille = 100; ///< retries per 1000 requests; 0..1000000
    std::uint32_t min_per_second = 10;  ///< retries beside the share; at most 1000000
    duration ttl = seconds(10);         ///< 1 ms .. 1 h

    friend bool operator==(const retry_budget_policy&, const retry_budget_policy&) = default;
};

/// Errors: config.range.
result<void> check(const retry_budget_policy& policy);

/// One a dependency. A value; not thread-safe. In each stretch of nine tenths of `ttl` that ends with a withdrawal there are
/// at most share * (requests of the last ttl) + min_per_second * ttl withdrawals. Time that runs back counts as standing
/// still.
class retry_budget {
public:
    /// The policy must pass check().
    explicit retry_budget(const retry_budget_policy& policy = {});

    /// A first attempt is made.
    void deposit(instant now);
    /// A retry is wanted: true when it may be made, which is then paid for.
    bool try_withdraw(instant now);
    /// Retries that could be withdrawn now, in thousandths; may be negative when deposits expired before withdrawals.
    std::int64_t balance_milli(instant now) const;

    const retry_budget_policy& policy() const { return policy_; }
    /// Nothing that was paid in or taken out counts any longer: it is as good as a new one.
    bool is_idle(instant now) const;

    static constexpr std::size_t slice_count = 10;
    /// What has to be written down to go on later.
    struct books {
        instant newest;                                   ///< when the newest slice began
        std::array<std::int64_t, slice_count> balances{}; ///< of each slice in thousandths, the newest first
        friend bool operator==(const books&, const books&) = default;
    };
    /// Only after the first deposit or withdrawal.
    books kept() const;
    /// The policy must pass check(). One that was kept under the same policy is equal to what it was.
    retry_budget(const retry_budget_policy& policy, const books& kept);

    friend bool operator==(const retry_budget&, const retry_budget&) = default;

private:
    std::int64_t slice_us() const;
    std::int64_t& slice(std::int64_t number) {
        return slices_milli_[static_cast<std::size_t>(number % std::int64_t{slice_count})];
    }

    void advance(instant now);
    std::int64_t sum_milli() const;

    retry_budget_policy policy_;
    std::array<std::int64_t, slice_count> slices_milli_{};
    std::int64_t head_ = 0; ///< number of the newest slice
    bool started_ = false;
};

} // namespace aivp
