// The formats of JSON Schema 2020-12 §7.3, for schemas that assert them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aivp::schema_internal {

enum class format_kind : std::uint8_t {
    date_time,
    date,
    time,
    duration,
    email,
    idn_email,
    hostname,
    idn_hostname,
    ipv4,
    ipv6,
    uri,
    uri_reference,
    iri,
    iri_reference,
    uuid,
    uri_template,
    json_pointer,
    relative_json_pointer,
    regex
};

/// nullopt for a name that JSON Schema does not define: such a format constrains nothing.
std::optional<format_kind> find_format(std::string_view name);
/// `text` is UTF-8 without JSON escapes.
bool has_format(format_kind kind, std::string_view text);

/// RFC 1123 names, A-labels checked by IDNA 2008.
bool is_hostname(std::string_view text);
/// IDNA 2008 (RFC 5890 to 5893) with the label separators of RFC 3490.
bool is_idn_hostname(std::string_view text);

} // namespace aivp::schema_internal
