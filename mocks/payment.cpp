#include "mocks/payment.hpp"

#include <algorithm>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

constexpr std::int64_t payment_cents_max = 1'000'000'000'000;

std::unexpected<error> payment_no_customer(const payment_state& state, std::string_view id) {
    std::vector<std::string> ids;
    for (const auto& [name, customer] : state.customers) ids.push_back(name);
    return fail(errc::skill_not_found,
                "payment: there is no customer \"" + shortened(id, 60) + "\"; there are " + some_of(ids));
}

payload payment_declined(std::string_view reason) {
    return object_writer().text("charge_id", "").text("status", "declined").text("reason", reason).build();
}
payload payment_refused(std::string_view why) {
    return object_writer().text("refund_id", "").text("status", "refused").text("why", why).build();
}

} // namespace

const std::vector<std::string>& payment_mock::operations() const {
    static const std::vector<std::string> names{"balance", "charge", "refund"};
    return names;
}

result<payload> payment_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "charge") return charge(request, target);
    if (request.operation == "refund") return refund(request, target);
    if (request.operation == "balance") return balance(request, target);
    return unknown_operation(*this, request);
}

result<payload> payment_mock::charge(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("customer");
    payment_charge c;
    c.customer = target;
    c.amount_cents = in.integer("amount_cents", 1, 1'000'000);
    c.currency = in.text("currency");
    c.order = in.text("order");
    in.maybe_text("description");
    in.maybe_text("card_token");
    AIVP_CHECK(in.done());
    const auto customer = state_.customers.find(c.customer);
    if (customer == state_.customers.end()) return payment_no_customer(state_, c.customer);
    if (customer->second.currency != c.currency)
        return payment_declined("the customer pays in " + customer->second.currency);
    auto& funds = customer->second.funds_cents;
    if (funds && *funds < c.amount_cents) return payment_declined("insufficient funds");
    if (funds) *funds -= c.amount_cents;
    c.at = request.now;
    const std::string id = "ch-" + std::to_string(++state_.minted);
    state_.charges.emplace(id, std::move(c));
    const std::string receipt = "receipt-" + std::to_string(state_.minted);
    return object_writer().text("charge_id", id).text("status", "succeeded").text("receipt_token", receipt).build();
}

result<payload> payment_mock::refund(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("charge_id");
    const std::int64_t amount = in.integer("amount_cents", 1, 1'000'000);
    in.maybe_text("reason");
    AIVP_CHECK(in.done());
    const auto found = state_.charges.find(target);
    if (found == state_.charges.end())
        return fail(errc::skill_not_found, "payment: there is no charge \"" + shortened(target, 60) + "\"");
    payment_charge& c = found->second;
    if (c.refunded_cents == c.amount_cents) return payment_refused("the charge is refunded wholly");
    if (amount > c.amount_cents - c.refunded_cents)
        return payment_refused("only " + std::to_string(c.amount_cents - c.refunded_cents) +
                               " cents of the charge are left");
    c.refunded_cents += amount;
    const auto customer = state_.customers.find(c.customer);
    if (customer != state_.customers.end() && customer->second.funds_cents) *customer->second.funds_cents += amount;
    const std::string id = "re-" + std::to_string(++state_.minted);
    return object_writer().text("refund_id", id).text("status", "succeeded").build();
}

result<payload> payment_mock::balance(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("customer");
    AIVP_CHECK(in.done());
    const auto customer = state_.customers.find(target);
    if (customer == state_.customers.end()) return payment_no_customer(state_, target);
    std::int64_t charged = 0;
    std::int64_t refunded = 0;
    for (const auto& [id, c] : state_.charges) {
        if (c.customer != target) continue;
        charged += c.amount_cents;
        refunded += c.refunded_cents;
    }
    const auto& funds = customer->second.funds_cents;
    object_writer out;
    out.text("currency", customer->second.currency)
        .value("funds_cents", funds ? payload::of_integer(*funds) : payload());
    return out.integer("charged_cents", charged).integer("refunded_cents", refunded).build();
}

result<void> payment_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    payment_state next;
    next.minted = static_cast<std::uint64_t>(in.integer_or("minted", 0, 0, 1'000'000'000));
    for (const auto& [id, document] : in.map("customers")) {
        field_reader one(document, field_origin::seed, in.pointer("customers") + pointer_step(id));
        payment_customer c;
        c.currency = one.text_or("currency", c.currency);
        c.funds_cents = one.maybe_integer("funds_cents", 0, payment_cents_max);
        if (auto read = one.done(); !read) in.adopt(read.error());
        next.customers.emplace(id, std::move(c));
    }
    for (const auto& [id, document] : in.map("charges")) {
        field_reader one(document, field_origin::seed, in.pointer("charges") + pointer_step(id));
        payment_charge c;
        c.customer = one.text("customer");
        c.order = one.text_or("order", "");
        c.amount_cents = one.integer("amount_cents", 1, payment_cents_max);
        c.refunded_cents = one.integer_or("refunded_cents", 0, 0, c.amount_cents);
        c.at = one.maybe_time("at").value_or(instant{});
        const auto payer = next.customers.find(c.customer);
        if (one.ok() && payer == next.customers.end())
            one.refuse("customer", errc::config_reference, "there is no customer \"" + c.customer + "\"");
        c.currency = one.text_or("currency", payer == next.customers.end() ? "EUR" : payer->second.currency);
        if (auto read = one.done(); !read) in.adopt(read.error());
        next.minted = std::max(next.minted, minted_number(id, "ch-"));
        next.charges.emplace(id, std::move(c));
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload payment_mock::dump() const {
    std::vector<std::pair<std::string, payload>> customers;
    for (const auto& [id, c] : state_.customers) {
        object_writer one;
        one.text("currency", c.currency);
        if (c.funds_cents) one.integer("funds_cents", *c.funds_cents);
        customers.emplace_back(id, one.build());
    }
    std::vector<std::pair<std::string, payload>> charges;
    for (const auto& [id, c] : state_.charges) {
        object_writer one;
        one.text("customer", c.customer)
            .text("order", c.order)
            .text("currency", c.currency)
            .text("at", to_string(c.at));
        charges.emplace_back(
            id, one.integer("amount_cents", c.amount_cents).integer("refunded_cents", c.refunded_cents).build());
    }
    object_writer out;
    out.value("customers", payload::of_object(std::move(customers)))
        .value("charges", payload::of_object(std::move(charges)));
    return out.integer("minted", static_cast<std::int64_t>(state_.minted)).build();
}

} // namespace aivp
