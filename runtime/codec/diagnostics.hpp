// Errors as people read them: the line of the file with a caret under what is wrong, and what would help.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

/// The texts of the files that errors point into, by the name that source_pos::file uses.
class source_texts {
public:
    void add(std::string file, std::string text) { texts_.insert_or_assign(std::move(file), std::move(text)); }
    void add(const source_texts& others) { texts_.insert(others.texts_.begin(), others.texts_.end()); }
    /// The whole text; nullopt when the file is not known.
    std::optional<std::string_view> text(std::string_view file) const;
    /// Without its line end; nullopt when the file or the line is not known. `number` counts from 1.
    std::optional<std::string_view> line(std::string_view file, std::uint32_t number) const;

private:
    std::map<std::string, std::string, std::less<>> texts_;
};

/// Several lines, the last one ended:
///
///     error[AV0210]: `triger` is no key of an agent
///       --> agents/triage.yaml:7:1
///      7 | triger:
///        | ^^^^^^ config.unknown_key
///     help: did you mean `trigger`?
///     note: `aivp explain AV0210` says more
std::string render(const error& e, const source_texts& texts);
/// All of them, separated by empty lines.
std::string render(std::span<const error> errors, const source_texts& texts);

/// By file, line and column; errors at one place keep their order.
void sort_by_place(std::span<error> errors);

} // namespace aivp
