// Finds expenses in messages: a pure function, the same for every world.
#pragma once

#include "mocks/service.hpp"

namespace aivp {

/// extract {messages: [{id, from, subject, received_at, snippet?}], currency?} → {rows: [[date, vendor, cents, currency,
/// message id]], ids, count, total_cents, report}. The amount is the first number beside a currency (EUR, USD, GBP, €, $, £),
/// or else the first with exactly two decimals.
class expense_mock final : public mock_service {
public:
    std::string_view name() const override { return "expense"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// It has no state: {} only.
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<expense_mock>(); }
};

} // namespace aivp
