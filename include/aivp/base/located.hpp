// Values that remember where in their file they stand, so that an error found long after reading still points there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"

namespace aivp {

/// A text and where it stands.
struct located_text {
    std::string text;
    source_pos where;   ///< of the value, its opening quote included
    source_pos content; ///< of the text's first character; line 0 when a column in the text says nothing about the file
};

/// The place of the character at `column` (from 1) of the text; of the whole text when that is not known.
inline source_pos place_in(const located_text& text, std::uint32_t column) {
    if (text.content.line == 0 || column == 0) return text.where;
    return {text.content.file, text.content.line, text.content.column + column - 1};
}

/// Where one part of a value stands.
struct payload_place {
    std::string pointer; ///< RFC 6901
    source_pos value;
    source_pos key;     ///< the same as `value` for items of an array
    source_pos content; ///< as located_text::content
};

/// A value and where all its parts stand.
struct located_payload {
    payload value;
    std::vector<payload_place> places; ///< ascending by pointer; the first is the whole, ""

    /// The place of the part at `pointer`, or else of what is nearest around it.
    const payload_place& at(std::string_view pointer) const;
};

} // namespace aivp
