#include "mocks/expense.hpp"

#include <cstdint>
#include <optional>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/ascii.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

struct expense_amount {
    std::int64_t cents = 0;
    std::string currency; // empty = none named
};

struct expense_number {
    std::int64_t cents = 0;
    bool two_decimals = false;
};

// "1,234.56", "1.234,56", "12,50", "12": a separator followed by exactly two last digits starts the decimals.
std::optional<expense_number> expense_parse_number(std::string_view text) {
    expense_number n;
    n.two_decimals = text.size() >= 4 && !ascii_digit(text[text.size() - 3]);
    int digits = 0;
    for (const char c : text) {
        if (!ascii_digit(c)) continue;
        if (++digits > 10) return std::nullopt;
        n.cents = n.cents * 10 + (c - '0');
    }
    if (!n.two_decimals) n.cents *= 100;
    return n;
}

constexpr std::pair<std::string_view, std::string_view> expense_marks[] = {
    {"EUR", "EUR"}, {"USD", "USD"}, {"GBP", "GBP"}, {"€", "EUR"}, {"$", "USD"}, {"£", "GBP"}};

std::string expense_currency_beside(std::string_view before, std::string_view after) {
    while (before.ends_with(' ')) before.remove_suffix(1);
    while (after.starts_with(' ')) after.remove_prefix(1);
    for (const auto& [mark, currency] : expense_marks)
        if (before.ends_with(mark) || after.starts_with(mark)) return std::string(currency);
    return {};
}

std::optional<expense_amount> expense_find(std::string_view text) {
    std::optional<expense_amount> unmarked;
    for (std::size_t at = 0; at < text.size();) {
        if (!ascii_digit(text[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < text.size() && (ascii_digit(text[end]) || text[end] == '.' || text[end] == ',')) ++end;
        std::size_t last = end;
        while (!ascii_digit(text[last - 1])) --last;
        const auto number = expense_parse_number(text.substr(at, last - at));
        if (number) {
            std::string currency = expense_currency_beside(text.substr(0, at), text.substr(last));
            if (!currency.empty()) return expense_amount{number->cents, std::move(currency)};
            if (number->two_decimals && !unmarked) unmarked = expense_amount{number->cents, {}};
        }
        at = end;
    }
    return unmarked;
}

// The name in front of an address, or the part of its domain before the last dot.
std::string expense_vendor(std::string_view from) {
    const std::size_t bracket = from.find('<');
    if (bracket != std::string_view::npos && bracket > 0) {
        std::string_view name = from.substr(0, bracket);
        while (name.ends_with(' ') || name.ends_with('"')) name.remove_suffix(1);
        while (name.starts_with(' ') || name.starts_with('"')) name.remove_prefix(1);
        if (!name.empty()) return std::string(name);
    }
    std::string_view domain = from.substr(from.find('@') == std::string_view::npos ? 0 : from.find('@') + 1);
    while (domain.ends_with('>')) domain.remove_suffix(1);
    domain = domain.substr(0, domain.rfind('.'));
    const std::size_t dot = domain.rfind('.');
    return std::string(dot == std::string_view::npos ? domain : domain.substr(dot + 1));
}

std::string expense_money(std::int64_t cents) {
    const std::string rest = std::to_string(cents % 100);
    return std::to_string(cents / 100) + (rest.size() == 1 ? ".0" : ".") + rest;
}

} // namespace

const std::vector<std::string>& expense_mock::operations() const {
    static const std::vector<std::string> names{"extract"};
    return names;
}

result<payload> expense_mock::perform(const mock_request& request, std::string&) {
    if (request.operation != "extract") return unknown_operation(*this, request);
    field_reader in(request.arguments, field_origin::request);
    if (!in.has("messages")) in.value("messages");
    const auto messages = in.list("messages");
    const std::string usual = in.text_or("currency", "EUR");
    array_writer rows;
    std::vector<std::string> ids;
    std::string report;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        field_reader m(messages[i], field_origin::request, in.pointer("messages", i));
        const std::string id = m.text("id");
        const std::string from = m.text("from");
        const std::string subject = m.text("subject");
        const instant received_at = m.time("received_at");
        const std::string snippet = m.text_or("snippet", "");
        m.texts("labels");
        if (auto read = m.done(); !read) in.adopt(read.error());
        const auto amount = expense_find(subject + "\n" + snippet);
        if (!amount) continue;
        const std::string date = to_string(received_at).substr(0, 10);
        const std::string vendor = expense_vendor(from);
        const std::string& currency = amount->currency.empty() ? usual : amount->currency;
        array_writer row;
        for (const std::string& cell : {date, vendor}) row.raw(payload::of_string(cell).text());
        row.raw(std::to_string(amount->cents));
        for (const std::string& cell : {currency, id}) row.raw(payload::of_string(cell).text());
        rows.raw(row.json());
        ids.push_back(id);
        total += amount->cents;
        report += date + "  " + vendor + "  " + expense_money(amount->cents) + " " + currency + "\n";
    }
    AIVP_CHECK(in.done());
    object_writer out;
    out.raw("rows", rows.json()).texts("ids", ids).integer("count", static_cast<std::int64_t>(ids.size()));
    return out.integer("total_cents", total).text("report", report).build();
}

result<void> expense_mock::seed(const payload& state, std::string at) {
    return field_reader(state, field_origin::seed, std::move(at)).done();
}

payload expense_mock::dump() const { return payload::from_canonical("{}"); }

} // namespace aivp
