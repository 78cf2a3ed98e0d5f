// What a JSON Schema says about one place in its instances, as far as that can be known without an instance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp::internal {

/// `pointer` with one more token, escaped.
std::string child_pointer(std::string_view pointer, std::string_view token);

enum class path_answer : std::uint8_t {
    declared, ///< the schema describes this place
    open,     ///< it does not, and does not rule it out either
    missing,  ///< instances promise nothing of that name
};

struct schema_path {
    path_answer answer = path_answer::open;
    payload schema;                 ///< when declared
    std::string token;              ///< when missing: the part of the pointer that leads nowhere
    std::vector<std::string> known; ///< when missing: what could stand there instead
};

/// `pointer` is RFC 6901. A property that an object schema does not list counts as missing even when the schema would
/// tolerate it, unless `additionalProperties` says so expressly: an agent may only rely on what is promised.
schema_path find_in_schema(const payload& root, std::string_view pointer);

/// Bits of the types that instances may have; 0 = anything. Follows references.
using type_set = std::uint8_t;
inline constexpr type_set type_null = 1, type_boolean = 2, type_number = 4, type_string = 8, type_array = 16,
                          type_object = 32;
type_set types_of(const payload& root, const payload& schema);
std::string to_string_of_types(type_set types);

} // namespace aivp::internal
