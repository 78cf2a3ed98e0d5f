// Strict YAML: text to a light tree that knows where each key and value stands. What this subset leaves out (anchors, tags,
// merge keys, several documents) is what makes one file mean two things to two readers; docs/adr/0012-strict-yaml.md has
// the reasons. yaml-cpp reads the text behind this header, and none of its exceptions leaves it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/located.hpp"
#include "aivp/base/payload.hpp"

namespace aivp {

inline constexpr std::size_t yaml_bytes_max = 4u << 20;
inline constexpr std::uint32_t yaml_depth_max = 64;

/// Both count from 1; columns count characters, not bytes.
struct text_place {
    std::uint32_t line = 1;
    std::uint32_t column = 1;

    friend bool operator==(const text_place&, const text_place&) = default;
};

enum class yaml_kind : std::uint8_t { scalar, sequence, mapping };

struct yaml_member;

/// A value of the tree. Keys of a mapping are unique and stand in the order of the file.
struct yaml_node {
    yaml_kind kind = yaml_kind::scalar;
    bool plain = true;  ///< of a scalar: neither quoted nor a block; only then its text may mean null, true or a number
    bool single = true; ///< of a scalar: written on one line, so that its n-th character stands n columns further right
    std::string text;   ///< of a scalar; empty for null
    std::vector<yaml_node> items;
    std::vector<yaml_member> members;
    text_place at;

    bool is_scalar() const { return kind == yaml_kind::scalar; }
    bool is_sequence() const { return kind == yaml_kind::sequence; }
    bool is_mapping() const { return kind == yaml_kind::mapping; }
    /// Where the first character of a scalar's text stands: behind the opening quote.
    text_place content() const { return {at.line, at.column + (plain ? 0 : 1)}; }
    const yaml_member* find(std::string_view key) const;
};

struct yaml_member {
    std::string key;
    text_place at; ///< of the key
    yaml_node value;
};

struct yaml_document {
    std::string file; ///< as the user named it
    yaml_node root;
};

/// Reads one YAML document. Errors with positions: yaml.syntax, yaml.forbidden, yaml.duplicate_key, yaml.depth, json.utf8,
/// json.size. `text` may begin with a byte order mark and may have CRLF line ends.
result<yaml_document> parse_yaml(std::string_view text, std::string file);
/// The same for JSON text. Errors also: json.syntax, json.duplicate_key, json.number.
result<yaml_document> parse_json(std::string_view text, std::string file);

/// parse_json for a file whose name ends in ".json", else parse_yaml. Appends every error that was found, so that a file
/// with three duplicate keys is corrected in one go; nullopt when there was one.
std::optional<yaml_document> read_document(std::string_view text, std::string file, std::vector<error>& errors);

/// How YAML 1.2's core schema reads a plain scalar.
enum class scalar_type : std::uint8_t { null, boolean, integer, real, text };
scalar_type type_of(const yaml_node& scalar);
/// "a mapping", "a list", "text", "a number", "true or false", "nothing": for messages.
std::string describe(const yaml_node& node);

/// Plain scalars as type_of() says, integers exact, quoted scalars as strings. Errors: config.value (.inf and .nan, which
/// JSON does not have), json.number.
result<payload> to_payload(const yaml_node& node, const std::string& file);
/// The same with the place of every part.
result<located_payload> to_located_payload(const yaml_node& node, const std::string& file);

} // namespace aivp
