#include "aivp/base/error.hpp"

#include <algorithm>
#include <array>

#include "aivp/base/assert.hpp"

namespace aivp {
namespace {

constexpr std::array error_rows{
    error_info{errc::ok, "ok", error_category::client, error_severity::info, false, recovery_mode::skip, "OK", 0,
               "No error.", "Nothing to do."},
#define AIVP_ERROR(name, number, dotted, category, severity, retryable, recovery, aos_code, exit_code, text, help) \
    error_info{errc::name,                                                                                         \
               dotted,                                                                                             \
               error_category::category,                                                                           \
               error_severity::severity,                                                                           \
               retryable,                                                                                          \
               recovery_mode::recovery,                                                                            \
               aos_code,                                                                                           \
               exit_code,                                                                                          \
               text,                                                                                               \
               help},
#include "aivp/base/errors.def"
#undef AIVP_ERROR
};

constexpr bool error_numbers_ascend() {
    for (std::size_t i = 1; i < error_rows.size(); ++i) {
        if (error_rows[i - 1].code >= error_rows[i].code) return false;
    }
    return true;
}
static_assert(error_numbers_ascend(), "errors.def must be sorted by number, without duplicates");
static_assert(static_cast<unsigned>(error_rows.back().code) <= 9999, "an error number has four digits");

const error_info* error_by_number(std::uint32_t number) {
    const auto at =
        std::lower_bound(error_rows.begin(), error_rows.end(), number, [](const error_info& row, std::uint32_t n) {
            return static_cast<std::uint32_t>(row.code) < n;
        });
    if (at == error_rows.end() || static_cast<std::uint32_t>(at->code) != number) return nullptr;
    return &*at;
}

bool is_code_number(std::string_view text) {
    return text.size() == 6 && text.starts_with("AV") &&
           std::all_of(text.begin() + 2, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

const std::vector<error_info>& error_table() {
    static const std::vector<error_info> table(error_rows.begin(), error_rows.end());
    return table;
}

const error_info& info(errc code) {
    const error_info* row = error_by_number(static_cast<std::uint32_t>(code));
    AIVP_ASSERT(row != nullptr, "an error code has no row in errors.def");
    return *row;
}

const error_info* find_error(std::string_view name_or_number) {
    if (is_code_number(name_or_number)) {
        std::uint32_t number = 0;
        for (const char c : name_or_number.substr(2)) number = number * 10 + static_cast<std::uint32_t>(c - '0');
        return error_by_number(number);
    }
    const auto at = std::find_if(error_rows.begin(), error_rows.end(),
                                 [&](const error_info& row) { return row.name == name_or_number; });
    return at == error_rows.end() ? nullptr : &*at;
}

std::string code_number(errc code) {
    std::string digits = std::to_string(static_cast<unsigned>(code));
    return "AV" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

std::string to_string(const source_pos& pos) {
    std::string text = pos.file;
    if (pos.line == 0) return text;
    if (!text.empty()) text += ':';
    text += std::to_string(pos.line);
    if (pos.column != 0) text += ':' + std::to_string(pos.column);
    return text;
}

std::string to_string(const error& e) {
    const error_info& row = info(e.code);
    std::string text = "error[" + code_number(e.code) + "]: ";
    text += e.message.empty() ? row.text : std::string_view(e.message);
    if (const std::string where = to_string(e.where); !where.empty()) text += "\n --> " + where;
    text += "\nhelp: ";
    text += e.help.empty() ? row.help : std::string_view(e.help);
    return text;
}

} // namespace aivp
