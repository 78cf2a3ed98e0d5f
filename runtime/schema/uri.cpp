#include "runtime/schema/internal/uri.hpp"

#include <optional>

namespace aivp::schema_internal {
namespace {

struct uri_parts {
    std::string_view scheme; ///< without ':'
    std::optional<std::string_view> authority;
    std::string_view path;
    std::optional<std::string_view> query;
};

uri_parts split_uri(std::string_view text) {
    uri_parts out;
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && colon != 0 && text.find_first_of("/?") > colon) {
        out.scheme = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    if (const auto mark = text.find('?'); mark != std::string_view::npos) {
        out.query = text.substr(mark + 1);
        text = text.substr(0, mark);
    }
    if (text.starts_with("//")) {
        text.remove_prefix(2);
        const auto slash = std::min(text.find('/'), text.size());
        out.authority = text.substr(0, slash);
        text.remove_prefix(slash);
    }
    out.path = text;
    return out;
}

std::string join_uri(const uri_parts& parts) {
    std::string out;
    if (!parts.scheme.empty()) out.append(parts.scheme).append(":");
    if (parts.authority) out.append("//").append(*parts.authority);
    out += parts.path;
    if (parts.query) out.append("?").append(*parts.query);
    return out;
}

std::string remove_dot_segments(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const auto slash = std::min(path.find('/', 1), path.size());
        const auto segment = path.substr(0, slash);
        const bool last = slash == path.size();
        if (segment == "/.." || segment == "/.") {
            if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
            if (last) out += '/';
        } else if (segment != "." && segment != "..") {
            out += segment;
        }
        path.remove_prefix(slash);
    }
    return out;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

std::pair<std::string_view, std::string_view> split_fragment(std::string_view reference) {
    const auto mark = reference.find('#');
    if (mark == std::string_view::npos) return {reference, {}};
    return {reference.substr(0, mark), reference.substr(mark + 1)};
}

std::string resolve_uri(std::string_view base, std::string_view reference) {
    reference = split_fragment(reference).first;
    if (reference.empty()) return std::string(base);
    auto target = split_uri(reference);
    if (!target.scheme.empty() || base.empty()) return std::string(reference);
    const auto from = split_uri(base);
    std::string path;
    if (!target.authority) {
        if (target.path.empty()) {
            path = from.path;
            if (!target.query) target.query = from.query;
        } else if (target.path.starts_with('/')) {
            path = remove_dot_segments(target.path);
        } else {
            const auto slash = from.path.rfind('/');
            if (slash != std::string_view::npos)
                path = from.path.substr(0, slash + 1);
            else if (from.authority)
                path = "/";
            path = remove_dot_segments(path.append(target.path));
        }
        target.authority = from.authority;
    } else {
        path = remove_dot_segments(target.path);
    }
    target.scheme = from.scheme;
    target.path = path;
    return join_uri(target);
}

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

} // namespace aivp::schema_internal
