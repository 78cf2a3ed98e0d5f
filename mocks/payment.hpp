// Payments. Keyed repeats are the connector's business (one effect a key); what is here decides what a charge does to a
// customer's funds, and never lets them or a charge go below zero.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct payment_customer {
    std::string currency = "EUR";
    std::optional<std::int64_t> funds_cents; ///< nothing = without limit
    friend bool operator==(const payment_customer&, const payment_customer&) = default;
};

struct payment_charge {
    std::string customer;
    std::string order;
    std::string currency;
    std::int64_t amount_cents = 0;
    std::int64_t refunded_cents = 0; ///< never more than the amount
    instant at;
    friend bool operator==(const payment_charge&, const payment_charge&) = default;
};

struct payment_state {
    std::map<std::string, payment_customer> customers;
    std::map<std::string, payment_charge> charges; ///< succeeded ones, by id "ch-<n>"
    std::uint64_t minted = 0;                      ///< numbers handed out to charges and refunds
    friend bool operator==(const payment_state&, const payment_state&) = default;
};

/// charge {customer, amount_cents, currency, order, description?, card_token?} → {charge_id, status: succeeded | declined,
/// receipt_token | reason}; refund {charge_id, amount_cents, reason?} → {refund_id, status: succeeded | refused, why?};
/// balance {customer} → {currency, funds_cents | null, charged_cents, refunded_cents}. A declined or refused payment is a
/// result, not a failure, and has an empty id.
class payment_mock final : public mock_service {
public:
    std::string_view name() const override { return "payment"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"customers": {id: {"currency","funds_cents"}}, "charges": {id: {"customer","order","currency","amount_cents",
    /// "refunded_cents","at"}}, "minted"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<payment_mock>(*this); }

    const payment_state& state() const { return state_; }

private:
    result<payload> charge(const mock_request& request, std::string& target);
    result<payload> refund(const mock_request& request, std::string& target);
    result<payload> balance(const mock_request& request, std::string& target) const;

    payment_state state_;
};

} // namespace aivp
