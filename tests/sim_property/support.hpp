// Rows by name, and what properties say of them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/property/monitor.hpp"

namespace property_test {

using namespace aivp;
using namespace aivp::sim;

inline const property_names any_names;

inline property_program_ptr compile(std::string text, std::vector<error>& errors,
                                    const property_names& names = any_names) {
    return compile_property({std::move(text), {"s.yaml", 7, 11}, {"s.yaml", 7, 12}}, names, errors);
}

/// "" when it compiles, else "config.type 7:15: message [help]" for each error.
inline std::string mistakes(std::string text, const property_names& names = any_names) {
    std::vector<error> errors;
    const bool made = compile(std::move(text), errors, names) != nullptr;
    std::string out = made == errors.empty() ? "" : "errors and a program\n";
    for (const error& e : errors)
        out += std::string(info(e.code).name) + " " + std::to_string(e.where.line) + ":" +
               std::to_string(e.where.column) + ": " + e.message + (e.help.empty() ? "" : " [" + e.help + "]") + "\n";
    if (!out.empty()) out.pop_back();
    return out;
}

/// A row whose other fields are 0, false, empty and null.
class row_of {
public:
    explicit row_of(table_id table) : table_(table), row_(info(table).fields.size()) {
        for (std::size_t i = 0; i < row_.size(); ++i)
            if (info(table).fields[i].type == value_type::json) row_[i].text = "null";
    }
    row_of& set(std::string_view field, std::int64_t n) {
        row_[info(table_).find(field).value()].number = n;
        return *this;
    }
    row_of& set(std::string_view field, std::string text) {
        texts_->push_back(std::move(text));
        row_[info(table_).find(field).value()].text = texts_->back();
        return *this;
    }
    row_of& set(std::string_view field, const char* text) { return set(field, std::string(text)); }
    table_id table() const { return table_; }
    const property_row& row() const { return row_; }

private:
    table_id table_;
    property_row row_;
    std::shared_ptr<std::deque<std::string>> texts_ = std::make_shared<std::deque<std::string>>();
};

/// One property, watched.
class watched {
public:
    explicit watched(const std::string& text, property_mode mode = property_mode::always) {
        std::vector<error> errors;
        auto program = compile(text, errors);
        if (!program) throw std::runtime_error(errors.front().message + " in " + text);
        properties.push_back({"p", mode, {"s.yaml", 7, 11}, std::move(program)});
        monitor = std::make_unique<property_monitor>(properties);
        monitor->settle();
    }
    /// True when the property has just been violated.
    bool add(const row_of& r) {
        monitor->add(r.table(), r.row());
        return !monitor->settle().empty();
    }
    const property_verdict& verdict() const { return monitor->verdicts().front(); }
    /// "count(ledger) <= 1 | 2"
    std::string violation() const { return verdict().violated ? verdict().expected + " | " + verdict().actual : ""; }

    std::vector<scenario_property> properties;
    std::unique_ptr<property_monitor> monitor;
};

inline row_of charge(std::string order, std::int64_t cents = 100) {
    return row_of(table_id::ledger)
        .set("operation", "payment.charge")
        .set("outcome", "ok")
        .set("arguments", R"({"amount_cents":)" + std::to_string(cents) + R"(,"order":")" + std::move(order) + R"("})");
}

} // namespace property_test
