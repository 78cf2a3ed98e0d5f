#include "runtime/codec/internal/text.hpp"

#include <algorithm>

namespace aivp::internal {

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return i;
        std::uint32_t value = lead & (0x7Fu >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xC0) != 0x80) return i;
            value = value << 6 | (next & 0x3F);
        }
        const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
        if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return i;
        i += length;
    }
    return {};
}

std::size_t character_count(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string shown(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (out.size() >= 57 && (static_cast<unsigned char>(c) & 0xC0) != 0x80) return out + "...";
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
    return out;
}

text_place text_cursor::place_at(std::size_t offset) {
    offset = std::min(offset, text_.size());
    if (offset < offset_) {
        place_.line -= static_cast<std::uint32_t>(std::ranges::count(text_.substr(offset, offset_ - offset), '\n'));
        place_.column = 1;
        const std::size_t line_end = offset == 0 ? std::string_view::npos : text_.rfind('\n', offset - 1);
        offset_ = line_end == std::string_view::npos ? 0 : line_end + 1;
    }
    for (; offset_ < offset; ++offset_) {
        const char c = text_[offset_];
        if (c == '\n') {
            ++place_.line;
            place_.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
            ++place_.column;
        }
    }
    return place_;
}

} // namespace aivp::internal
