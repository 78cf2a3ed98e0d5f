#include "mocks/sheet.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/ascii.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

constexpr std::size_t sheet_rows_a_call_max = 500;
constexpr std::size_t sheet_coordinate_max = 100'000;

struct sheet_cell {
    std::size_t row = 0; // from 0
    std::size_t column = 0;
};

// "B2" at the start of `text`, which is shortened by it.
std::optional<sheet_cell> sheet_take_cell(std::string_view& text) {
    sheet_cell c;
    std::size_t at = 0;
    std::size_t column = 0;
    for (; at < text.size() && ascii_lower(text[at]) >= 'a' && ascii_lower(text[at]) <= 'z'; ++at) {
        column = column * 26 + static_cast<std::size_t>(ascii_lower(text[at]) - 'a') + 1;
        if (column > sheet_coordinate_max) return std::nullopt;
    }
    const std::size_t letters = at;
    std::size_t row = 0;
    for (; at < text.size() && ascii_digit(text[at]); ++at) {
        row = row * 10 + static_cast<std::size_t>(text[at] - '0');
        if (row > sheet_coordinate_max) return std::nullopt;
    }
    if (letters == 0 || at == letters || row == 0) return std::nullopt;
    text.remove_prefix(at);
    c.row = row - 1;
    c.column = column - 1;
    return c;
}

struct sheet_block {
    sheet_cell first;
    sheet_cell last; // inclusive
};

std::optional<sheet_block> sheet_parse_range(std::string_view text) {
    const auto first = sheet_take_cell(text);
    if (!first) return std::nullopt;
    sheet_block block{*first, *first};
    if (text.starts_with(':')) {
        text.remove_prefix(1);
        const auto last = sheet_take_cell(text);
        if (!last || last->row < first->row || last->column < first->column) return std::nullopt;
        block.last = *last;
    }
    return text.empty() ? std::optional(block) : std::nullopt;
}

sheet_rows sheet_read_rows(field_reader& in, const std::vector<payload>& list, std::string_view key) {
    sheet_rows rows;
    for (const payload& row : list) {
        const std::string which = "row " + std::to_string(rows.size() + 1);
        if (!row.is_array()) {
            in.refuse(key, errc::config_type, which + " must be an array and is " + std::string(json_kind(row)));
            return {};
        }
        rows.push_back(items(row));
        for (const payload& cell : rows.back())
            if (cell.is_object() || cell.is_array())
                in.refuse(key, errc::config_type, which + " holds " + std::string(json_kind(cell)) + " as a cell");
    }
    return rows;
}

std::int64_t sheet_cells(const sheet_rows& rows) {
    std::int64_t n = 0;
    for (const auto& row : rows) n += static_cast<std::int64_t>(row.size());
    return n;
}

payload sheet_json(const sheet_rows& rows) {
    array_writer out;
    for (const auto& row : rows) {
        array_writer cells;
        for (const payload& cell : row) cells.raw(cell.text());
        out.raw(cells.json());
    }
    return payload::from_canonical(out.json());
}

} // namespace

const std::vector<std::string>& sheet_mock::operations() const {
    static const std::vector<std::string> names{"append", "read", "update"};
    return names;
}

result<payload> sheet_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "append") return append(request, target);
    if (request.operation == "read") return read(request, target);
    if (request.operation == "update") return update(request, target);
    return unknown_operation(*this, request);
}

result<sheet_rows*> sheet_mock::tab(const std::string& sheet, const std::string& name) {
    const auto found = state_.sheets.find(sheet);
    if (found == state_.sheets.end()) {
        std::vector<std::string> names;
        for (const auto& [other, tabs] : state_.sheets) names.push_back(other);
        return fail(errc::skill_not_found,
                    "sheet: there is no sheet \"" + shortened(sheet, 60) + "\"; there are " + some_of(names));
    }
    const auto rows = found->second.find(name);
    if (rows == found->second.end()) {
        std::vector<std::string> names;
        for (const auto& [other, content] : found->second) names.push_back(other);
        return fail(errc::skill_not_found,
                    "sheet: \"" + sheet + "\" has no tab \"" + shortened(name, 60) + "\"; there are " + some_of(names));
    }
    return &rows->second;
}

result<payload> sheet_mock::append(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    const std::string sheet = in.text("sheet");
    const std::string name = in.text_or("tab", "Sheet1");
    target = sheet + "/" + name;
    if (in.ok() && !in.has("rows")) in.value("rows");
    sheet_rows rows = sheet_read_rows(in, in.list("rows"), "rows");
    if (rows.size() > sheet_rows_a_call_max) in.refuse("rows", errc::config_range, "must be at most 500");
    AIVP_CHECK(in.done());
    AIVP_TRY(sheet_rows* const present, tab(sheet, name));
    if (sheet_cells(*present) + sheet_cells(rows) > state_.cells_max)
        return fail(errc::skill_conflict, "sheet: the tab is full");
    const auto first = static_cast<std::int64_t>(present->size()) + 1;
    const auto count = static_cast<std::int64_t>(rows.size());
    std::ranges::move(rows, std::back_inserter(*present));
    return object_writer().integer("appended", count).integer("first_row", first).build();
}

result<payload> sheet_mock::read(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    const std::string sheet = in.text("sheet");
    const std::string name = in.text_or("tab", "Sheet1");
    target = sheet + "/" + name;
    const auto first = static_cast<std::size_t>(in.integer_or("first_row", 1, 1, 1'000'000'000)) - 1;
    const auto limit = static_cast<std::size_t>(in.integer_or("limit", 1000, 1, 5000));
    const auto range = in.maybe_text("range");
    const auto block = range ? sheet_parse_range(*range) : std::nullopt;
    if (range && !block)
        in.refuse("range", errc::config_value, "\"" + shortened(*range, 40) + "\" is no range such as B2:C10");
    AIVP_CHECK(in.done());
    AIVP_TRY(const sheet_rows* const present, tab(sheet, name));
    sheet_rows rows;
    const std::size_t from = block ? block->first.row : first;
    const std::size_t to = std::min(present->size(), block ? std::min(block->last.row + 1, from + 5000) : from + limit);
    for (std::size_t r = from; r < to; ++r) {
        const auto& row = (*present)[r];
        if (!block) {
            rows.push_back(row);
            continue;
        }
        auto& part = rows.emplace_back();
        for (std::size_t c = block->first.column; c <= block->last.column && c < row.size(); ++c)
            part.push_back(row[c]);
    }
    return object_writer()
        .value("rows", sheet_json(rows))
        .integer("count", static_cast<std::int64_t>(rows.size()))
        .build();
}

result<payload> sheet_mock::update(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    const std::string sheet = in.text("sheet");
    const std::string name = in.text_or("tab", "Sheet1");
    target = sheet + "/" + name;
    const std::string corner_text = in.text("cell");
    std::string_view rest = corner_text;
    const auto corner = sheet_take_cell(rest);
    if (in.ok() && (!corner || !rest.empty()))
        in.refuse("cell", errc::config_value, "\"" + shortened(corner_text, 40) + "\" is no cell such as B2");
    const sheet_rows rows = sheet_read_rows(in, in.list("rows"), "rows");
    if (rows.size() > sheet_rows_a_call_max) in.refuse("rows", errc::config_range, "must be at most 500");
    AIVP_CHECK(in.done());
    AIVP_TRY(sheet_rows* const present, tab(sheet, name));
    if (corner->row > present->size())
        return fail(errc::skill_conflict, "sheet: row " + std::to_string(corner->row + 1) +
                                              " is beyond the last row, " + std::to_string(present->size()));
    std::size_t widest = 0;
    for (const auto& row : rows) widest = std::max(widest, corner->column + row.size());
    if (static_cast<std::int64_t>(widest * rows.size()) > state_.cells_max)
        return fail(errc::skill_conflict, "sheet: the tab is full");
    sheet_rows next = *present;
    if (next.size() < corner->row + rows.size()) next.resize(corner->row + rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) {
        auto& row = next[corner->row + r];
        if (row.size() < corner->column + rows[r].size()) row.resize(corner->column + rows[r].size());
        std::ranges::copy(rows[r], row.begin() + static_cast<std::ptrdiff_t>(corner->column));
    }
    if (sheet_cells(next) > state_.cells_max) return fail(errc::skill_conflict, "sheet: the tab is full");
    *present = std::move(next);
    return object_writer().integer("updated", sheet_cells(rows)).build();
}

result<void> sheet_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    sheet_state next;
    next.cells_max = in.integer_or("cells_max", next.cells_max, 0, 100'000'000);
    for (const auto& [sheet, tabs] : in.map("sheets")) {
        const std::string where = in.pointer("sheets") + pointer_step(sheet);
        field_reader one(tabs, field_origin::seed, where);
        auto& content = next.sheets[sheet];
        for (const auto& [name, rows] : members(tabs)) content[name] = sheet_read_rows(one, one.list(name), name);
        if (auto read = one.done(); !read) in.adopt(read.error());
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload sheet_mock::dump() const {
    std::vector<std::pair<std::string, payload>> sheets;
    for (const auto& [sheet, tabs] : state_.sheets) {
        std::vector<std::pair<std::string, payload>> out;
        for (const auto& [name, rows] : tabs) out.emplace_back(name, sheet_json(rows));
        sheets.emplace_back(sheet, payload::of_object(std::move(out)));
    }
    return object_writer()
        .value("sheets", payload::of_object(std::move(sheets)))
        .integer("cells_max", state_.cells_max)
        .build();
}

} // namespace aivp
