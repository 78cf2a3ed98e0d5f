#include "runtime/codec/diagnostics.hpp"

#include <algorithm>
#include <tuple>

#include "runtime/codec/internal/text.hpp"

namespace aivp {

namespace {

constexpr std::size_t shown_line_characters_max = 160;

/// Byte offset of the n-th character (from 0); the end when there are fewer.
std::size_t byte_offset_of(std::string_view line, std::size_t characters) {
    std::size_t offset = 0;
    while (offset < line.size() && characters > 0) {
        ++offset;
        while (offset < line.size() && (static_cast<unsigned char>(line[offset]) & 0xC0) == 0x80) ++offset;
        --characters;
    }
    return offset;
}

/// How many characters from here on belong to the word, quoted text or key that begins here; at least one.
std::size_t marked_length(std::string_view rest) {
    if (rest.empty()) return 1;
    std::size_t end = 0;
    if (rest[0] == '"' || rest[0] == '\'') {
        const std::size_t close = rest.find(rest[0], 1);
        end = close == std::string_view::npos ? rest.size() : close + 1;
    } else {
        while (end < rest.size() && rest[end] != ' ' && rest[end] != ',' && rest[end] != ']' && rest[end] != '}' &&
               rest[end] != '"') {
            if (rest[end] == ':' && (end + 1 == rest.size() || rest[end + 1] == ' ')) break;
            ++end;
        }
    }
    return std::max<std::size_t>(1, internal::character_count(rest.substr(0, end)));
}

/// How many bytes of valid UTF-8 here are one character that moves the cursor or reorders what is read (C1 controls,
/// bidirectional marks, line separators); 0 = none.
std::size_t steering_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return 2;
    if (byte(0) == 0xD8 && byte(1) == 0x9C) return 2;
    const bool marks =
        byte(1) == 0x80 && ((byte(2) >= 0x8B && byte(2) <= 0x8F) || (byte(2) >= 0xA8 && byte(2) <= 0xAE));
    const bool isolates = byte(1) == 0x81 && byte(2) >= 0xA0 && byte(2) <= 0xAF;
    return byte(0) == 0xE2 && (marks || isolates) ? 3 : 0;
}

/// One column for each character, so that a caret below still points at what it means.
std::string printable(std::string_view line) {
    std::string out;
    while (!line.empty()) {
        const std::size_t steering = steering_length(line);
        const auto c = static_cast<unsigned char>(line[0]);
        if (steering > 0)
            out += "\uFFFD";
        else
            out += c < 0x20 || c == 0x7F ? ' ' : line[0];
        line.remove_prefix(std::max<std::size_t>(1, steering));
    }
    return out;
}

void append_excerpt(std::string& out, const error& e, std::string_view line) {
    const std::string number = std::to_string(e.where.line);
    const std::string margin(number.size() + 2, ' ');
    std::size_t column = e.where.column == 0 ? 0 : e.where.column - 1;
    std::string_view part = line;
    std::string before;
    if (internal::character_count(line) > shown_line_characters_max) {
        const std::size_t skipped = column > shown_line_characters_max / 2 ? column - shown_line_characters_max / 2 : 0;
        part = part.substr(byte_offset_of(part, skipped));
        part = part.substr(0, byte_offset_of(part, shown_line_characters_max));
        if (skipped > 0) before = "...";
        column -= skipped;
    }
    out += " " + number + " | " + before + printable(part) + "\n";
    if (e.where.column == 0) return;
    const std::size_t shown_characters = internal::character_count(part);
    column = std::min(column, shown_characters);
    const std::size_t length = std::min(marked_length(part.substr(byte_offset_of(part, column))),
                                        std::max<std::size_t>(1, shown_characters - column));
    out += margin + "| " + std::string(before.size() + column, ' ') + std::string(length, '^') + " " +
           std::string(info(e.code).name) + "\n";
}

} // namespace

std::optional<std::string_view> source_texts::text(std::string_view file) const {
    const auto found = texts_.find(file);
    if (found == texts_.end()) return {};
    return found->second;
}

std::optional<std::string_view> source_texts::line(std::string_view file, std::uint32_t number) const {
    const auto found = texts_.find(file);
    if (found == texts_.end() || number == 0) return {};
    std::string_view rest = found->second;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    for (; number > 1; --number) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) return {};
        rest.remove_prefix(end + 1);
    }
    rest = rest.substr(0, rest.find('\n'));
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    return rest;
}

std::string render(const error& e, const source_texts& texts) {
    const error_info& row = info(e.code);
    const std::string number = code_number(e.code);
    std::string out =
        "error[" + number + "]: " + (e.message.empty() ? std::string(row.text) : printable(e.message)) + "\n";
    if (const std::string where = to_string(e.where); !where.empty()) out += "  --> " + printable(where) + "\n";
    if (const auto line = texts.line(e.where.file, e.where.line)) append_excerpt(out, e, *line);
    out += "help: " + (e.help.empty() ? std::string(row.help) : printable(e.help)) + "\n";
    out += "note: `aivp explain " + number + "` says more\n";
    return out;
}

std::string render(std::span<const error> errors, const source_texts& texts) {
    std::string out;
    for (const error& e : errors) {
        if (!out.empty()) out += "\n";
        out += render(e, texts);
    }
    return out;
}

void sort_by_place(std::span<error> errors) {
    std::ranges::stable_sort(errors, {},
                             [](const error& e) { return std::tie(e.where.file, e.where.line, e.where.column); });
}

} // namespace aivp
