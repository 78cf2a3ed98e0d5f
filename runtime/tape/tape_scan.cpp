#include "runtime/tape/internal/tape_scan.hpp"

#include <charconv>

namespace aivp::internal {

namespace {

std::size_t tape_skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) ++at;
    return at;
}

std::size_t tape_skip_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (text[at] == '"')
            return at + 1;
    }
    return text.size();
}

// Past the value that starts at `at`. Valid text has balanced brackets, so counting them is enough.
std::size_t tape_skip_value(std::string_view text, std::size_t at) {
    if (at >= text.size()) return text.size();
    if (text[at] == '"') return tape_skip_string(text, at);
    if (text[at] != '{' && text[at] != '[') {
        const std::size_t stop = text.find_first_of(",]} \t\r\n", at);
        return stop == std::string_view::npos ? text.size() : stop;
    }
    for (std::size_t depth = 0; at < text.size();) {
        at = text.find_first_of("\"{}[]", at);
        if (at == std::string_view::npos) return text.size();
        if (text[at] == '"') {
            at = tape_skip_string(text, at);
            continue;
        }
        depth += text[at] == '{' || text[at] == '[' ? 1u : static_cast<std::size_t>(-1);
        ++at;
        if (depth == 0) return at;
    }
    return text.size();
}

struct tape_scanned_item {
    std::string_view value;
    std::size_t offset = 0;
};

std::vector<tape_scanned_item> tape_scan_located_items(std::string_view text) {
    std::vector<tape_scanned_item> found;
    std::size_t at = tape_skip_space(text, 0);
    if (at >= text.size() || text[at] != '[') return found;
    for (++at; at < text.size();) {
        at = tape_skip_space(text, at);
        if (at >= text.size() || text[at] == ']') break;
        const std::size_t stop = tape_skip_value(text, at);
        if (stop == at) break;
        found.push_back({text.substr(at, stop - at), at});
        at = tape_skip_space(text, stop);
        if (at < text.size() && text[at] == ',') ++at;
    }
    return found;
}

std::string tape_unescape_token(std::string_view token) {
    std::string out;
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] == '~' && i + 1 < token.size())
            out += token[++i] == '0' ? '~' : '/';
        else
            out += token[i];
    }
    return out;
}

struct tape_place {
    std::size_t value = 0;
    std::size_t key = 0;
};

tape_place tape_walk(std::string_view text, std::string_view pointer) {
    tape_place place;
    place.value = place.key = tape_skip_space(text, 0);
    std::string_view current = text;
    std::size_t base = 0;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t size = pointer.find('/') == std::string_view::npos ? pointer.size() : pointer.find('/');
        const std::string token = tape_unescape_token(pointer.substr(0, size));
        pointer.remove_prefix(size);
        bool found = false;
        const std::size_t inside = tape_skip_space(current, 0);
        if (inside < current.size() && current[inside] == '[') {
            std::size_t index = 0;
            const auto items = tape_scan_located_items(current);
            const auto [stop, ec] = std::from_chars(token.data(), token.data() + token.size(), index);
            if (ec == std::errc{} && index < items.size()) {
                place.value = place.key = base + items[index].offset;
                current = items[index].value;
                found = true;
            }
        } else {
            for (const tape_member& m : tape_scan_members(current)) {
                if (m.key != token) continue;
                place = {base + m.value_offset, base + m.key_offset};
                current = m.value;
                found = true;
                break;
            }
        }
        if (!found) break;
        base = place.value;
    }
    return place;
}

} // namespace

std::vector<tape_member> tape_scan_members(std::string_view text) {
    std::vector<tape_member> found;
    std::size_t at = tape_skip_space(text, 0);
    if (at >= text.size() || text[at] != '{') return found;
    for (++at; at < text.size();) {
        at = tape_skip_space(text, at);
        if (at >= text.size() || text[at] != '"') break;
        tape_member m;
        m.key_offset = at;
        const std::size_t key_stop = tape_skip_string(text, at);
        m.key = text.substr(at + 1, key_stop - at - 2);
        at = tape_skip_space(text, key_stop);
        if (at >= text.size() || text[at] != ':') break;
        at = tape_skip_space(text, at + 1);
        m.value_offset = at;
        const std::size_t stop = tape_skip_value(text, at);
        m.value = text.substr(at, stop - at);
        found.push_back(m);
        at = tape_skip_space(text, stop);
        if (at < text.size() && text[at] == ',') ++at;
    }
    return found;
}

std::vector<std::string_view> tape_scan_items(std::string_view text) {
    std::vector<std::string_view> found;
    for (const tape_scanned_item& item : tape_scan_located_items(text)) found.push_back(item.value);
    return found;
}

std::size_t tape_locate(std::string_view text, std::string_view pointer) { return tape_walk(text, pointer).value; }
std::size_t tape_locate_key(std::string_view text, std::string_view pointer) { return tape_walk(text, pointer).key; }

source_pos tape_position(const std::string& file, std::string_view text, std::size_t offset, std::uint32_t first_line) {
    source_pos pos{file, first_line, 1};
    for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
        if (text[i] == '\n') {
            ++pos.line;
            pos.column = 1;
        } else if ((static_cast<unsigned char>(text[i]) & 0xC0u) != 0x80u) {
            ++pos.column;
        }
    }
    return pos;
}

} // namespace aivp::internal
