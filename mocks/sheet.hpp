// Spreadsheets: named sheets with tabs of rows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

/// Cells are strings, numbers, booleans or null; rows may differ in length. Row n of the sheet is rows[n - 1].
using sheet_rows = std::vector<std::vector<payload>>;

struct sheet_state {
    std::map<std::string, std::map<std::string, sheet_rows>> sheets; ///< by sheet, then tab
    std::int64_t cells_max = 1'000'000;                              ///< of one tab
    friend bool operator==(const sheet_state&, const sheet_state&) = default;
};

/// append {sheet, tab?, rows} → {appended, first_row}; read {sheet, tab?, first_row?, limit?, range?} → {rows, count};
/// update {sheet, tab?, cell, rows} → {updated}: writes a block whose upper left corner is `cell`. Ranges as "B2:C10".
/// The tab is "Sheet1" when none is named.
class sheet_mock final : public mock_service {
public:
    std::string_view name() const override { return "sheet"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"sheets": {sheet: {tab: [[cell, …], …]}}, "cells_max"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<sheet_mock>(*this); }

    const sheet_state& state() const { return state_; }

private:
    result<payload> append(const mock_request& request, std::string& target);
    result<payload> read(const mock_request& request, std::string& target);
    result<payload> update(const mock_request& request, std::string& target);
    result<sheet_rows*> tab(const std::string& sheet, const std::string& name);

    sheet_state state_;
};

} // namespace aivp
