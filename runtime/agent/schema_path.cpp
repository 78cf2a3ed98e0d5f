#include "runtime/agent/internal/schema_path.hpp"

#include <algorithm>
#include <optional>

namespace aivp::internal {

namespace {

constexpr int schema_hops_max = 32;
/// Compositions inside compositions: beyond this many looks the answer is "open".
constexpr int schema_looks_max = 2'000;

std::optional<payload> schema_reference(const payload& root, const payload& schema) {
    const auto reference = as_string(member(schema, "$ref").value_or(payload()));
    if (!reference || !reference->starts_with('#')) return {};
    return at_pointer(root, std::string_view(*reference).substr(1));
}

class schema_walker {
public:
    explicit schema_walker(const payload& root) : root_(root) {}

    /// One token deeper.
    schema_path step(const payload& schema, std::string_view token, int hops = 0) {
        if (++looks_ > schema_looks_max || hops > schema_hops_max) return {};
        if (as_bool(schema) == false) return missing(token, {});
        if (!schema.is_object()) return {};
        schema_path here = step_into_object(schema, token);
        if (here.answer == path_answer::open) here = step_into_array(schema, token);
        if (here.answer == path_answer::declared) return here;
        bool some_part_is_open = false;
        std::optional<schema_path> missing_part;
        for (const payload& part : parts_of(schema, some_part_is_open)) {
            schema_path inner = step(part, token, hops + 1);
            if (inner.answer == path_answer::declared) return inner;
            if (inner.answer == path_answer::open)
                some_part_is_open = true;
            else
                missing_part = std::move(inner);
        }
        if (is_expressly_open(schema)) return {};
        if (here.answer == path_answer::missing) return here;
        return missing_part && !some_part_is_open ? std::move(*missing_part) : schema_path{};
    }

private:
    static schema_path missing(std::string_view token, std::vector<std::string> known) {
        return {path_answer::missing, {}, std::string(token), std::move(known)};
    }
    static schema_path declared(payload schema) { return {path_answer::declared, std::move(schema), {}, {}}; }

    static bool is_expressly_open(const payload& schema) {
        return member(schema, "patternProperties") ||
               as_bool(member(schema, "additionalProperties").value_or(payload())) == true;
    }

    /// The schemas that hold beside this one. `leads_outside` is set when one of them cannot be seen from here.
    std::vector<payload> parts_of(const payload& schema, bool& leads_outside) {
        std::vector<payload> parts;
        if (auto target = schema_reference(root_, schema))
            parts.push_back(std::move(*target));
        else if (member(schema, "$ref"))
            leads_outside = true;
        for (const char* key : {"allOf", "anyOf", "oneOf"})
            for (payload& part : items(member(schema, key).value_or(payload()))) parts.push_back(std::move(part));
        for (const char* key : {"then", "else"})
            if (auto part = member(schema, key)) parts.push_back(std::move(*part));
        return parts;
    }

    schema_path step_into_object(const payload& schema, std::string_view token) {
        const auto properties = member(schema, "properties");
        if (properties) {
            if (auto property = member(*properties, token)) return declared(std::move(*property));
        }
        if (is_expressly_open(schema)) return {};
        if (const auto additional = member(schema, "additionalProperties")) {
            if (additional->is_object()) return declared(*additional);
            if (!could_be_array(schema)) return missing(token, names_of(properties));
        }
        if (properties && !could_be_array(schema)) return missing(token, names_of(properties));
        return {};
    }

    schema_path step_into_array(const payload& schema, std::string_view token) {
        const type_set types = own_types(schema);
        if (types != 0 && (types & (type_array | type_object)) == 0) return missing(token, {});
        if (types != 0 && (types & type_array) == 0) return {};
        const bool is_index = !token.empty() && std::ranges::all_of(token, [](char c) { return c >= '0' && c <= '9'; });
        if (!is_index) return types == type_array ? missing(token, {}) : schema_path{};
        for (const char* key : {"prefixItems", "items"}) {
            const auto part = member(schema, key);
            if (!part) continue;
            if (part->is_object()) return declared(*part);
            if (auto item = part->is_array() ? at_pointer(*part, "/" + std::string(token)) : std::nullopt)
                return declared(std::move(*item));
        }
        return {};
    }

    static std::vector<std::string> names_of(const std::optional<payload>& properties) {
        std::vector<std::string> names;
        if (properties)
            for (const auto& [name, schema] : members(*properties)) names.push_back(name);
        return names;
    }

    static bool could_be_array(const payload& schema) {
        const type_set types = own_types(schema);
        return (types & type_array) != 0 || (types == 0 && (member(schema, "items") || member(schema, "prefixItems")));
    }

public:
    static type_set own_types(const payload& schema) {
        const auto type = member(schema, "type");
        if (!type) return 0;
        type_set types = 0;
        const auto add = [&](const payload& name) {
            const auto text = as_string(name).value_or("");
            if (text == "null") types |= type_null;
            if (text == "boolean") types |= type_boolean;
            if (text == "number" || text == "integer") types |= type_number;
            if (text == "string") types |= type_string;
            if (text == "array") types |= type_array;
            if (text == "object") types |= type_object;
        };
        if (type->is_array())
            for (const payload& name : items(*type)) add(name);
        else
            add(*type);
        return types;
    }

private:
    const payload& root_;
    int looks_ = 0;
};

} // namespace

std::string child_pointer(std::string_view pointer, std::string_view token) {
    std::string child(pointer);
    child += '/';
    for (const char c : token) {
        if (c == '~')
            child += "~0";
        else if (c == '/')
            child += "~1";
        else
            child += c;
    }
    return child;
}

schema_path find_in_schema(const payload& root, std::string_view pointer) {
    schema_walker walker(root);
    payload schema = root;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        std::string token;
        for (std::size_t i = 0; i < end; ++i) {
            const bool escape = pointer[i] == '~' && i + 1 < end;
            token += escape ? (pointer[i + 1] == '1' ? '/' : '~') : pointer[i];
            if (escape) ++i;
        }
        pointer.remove_prefix(end);
        schema_path next = walker.step(schema, token);
        if (next.answer != path_answer::declared) return next;
        schema = std::move(next.schema);
    }
    return {path_answer::declared, std::move(schema), {}, {}};
}

type_set types_of(const payload& root, const payload& schema) {
    payload at = schema;
    for (int hops = 0; hops < schema_hops_max; ++hops) {
        if (const type_set types = schema_walker::own_types(at); types != 0) return types;
        auto target = schema_reference(root, at);
        if (!target) return 0;
        at = std::move(*target);
    }
    return 0;
}

std::string to_string_of_types(type_set types) {
    std::string text;
    const auto add = [&](type_set bit, const char* name) {
        if ((types & bit) != 0) text += (text.empty() ? "" : " or ") + std::string(name);
    };
    add(type_null, "null");
    add(type_boolean, "a boolean");
    add(type_number, "a number");
    add(type_string, "a string");
    add(type_array, "an array");
    add(type_object, "an object");
    return text.empty() ? "anything" : text;
}

} // namespace aivp::internal
