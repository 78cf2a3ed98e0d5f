// Reads the keywords of schemas into the rules of a program. One class, in parts: compiler.cpp walks the schemas, the other
// files read one kind of keywords each.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/schema/internal/library.hpp"
#include "runtime/schema/internal/pattern.hpp"
#include "runtime/schema/internal/program.hpp"

namespace aivp::schema_internal {

/// The name under which `$recursiveAnchor: true` of 2019-09 is a dynamic anchor; no real anchor can be called so.
inline constexpr std::string_view recursive_name = "#";

/// The rules of one schema while its keywords are read.
struct schema_draft {
    schema_index index;
    place at;
    schema_rules rules;
    number_rules* number = nullptr;
    string_rules* string = nullptr;
    array_rules* array = nullptr;
    object_rules* object = nullptr;
    applied_rules* applied = nullptr;
    std::map<std::string, std::uint32_t, std::less<>> entries;
};

class schema_compiler {
public:
    schema_compiler(program& p, const schema_options& options) : program_(p), library_(p, options) {}

    /// Errors as json_schema::compile.
    result<void> run(const payload& schema);

private:
    schema_index index_of(const place& at);
    schema_index child(const schema_draft& d, std::uint32_t node);
    /// A dynamic reference may lead to any resource that evaluation can pass through: to all that are in use.
    bool add_dynamic_targets();
    std::uint32_t dynamic_number(std::string_view name);
    result<void> compile_one(schema_index index);
    result<void> compile_keyword(schema_draft& d, keyword k, std::uint32_t node);
    std::unexpected<error> invalid(const schema_draft& d, keyword k, std::uint32_t node, const std::string& what,
                                   std::string help = {}) const;
    result<void> require_kind(const schema_draft& d, keyword k, std::uint32_t node, json_kind kind) const;
    result<void> check_identifier(const schema_draft& d, keyword k, std::uint32_t node);
    void finish(schema_draft& d);

    result<void> compile_reference(schema_draft& d, keyword k, std::uint32_t node);
    /// Nothing refers to them yet; in the caller's own schema they are checked all the same.
    result<void> compile_definitions(const schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_branches(schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_single(schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_items(schema_draft& d, keyword k, std::uint32_t node);
    std::uint32_t entry(schema_draft& d, std::string_view raw_name);
    result<void> compile_properties(schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_dependencies(schema_draft& d, keyword k, std::uint32_t node);

    std::unexpected<error> bad_pattern(const schema_draft& d, keyword k, std::uint32_t node,
                                       const pattern_problem& p) const;
    /// The entries of an array of different strings.
    result<std::vector<std::uint32_t>> compile_names(schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_required(schema_draft& d, std::uint32_t node);
    result<void> compile_type(const schema_draft& d, std::uint32_t node);
    result<void> compile_values(const schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_bound(schema_draft& d, keyword k, std::uint32_t node);
    result<void> compile_pattern(schema_draft& d, std::uint32_t node);
    result<void> compile_format(schema_draft& d, std::uint32_t node);
    result<void> compile_unique(schema_draft& d, std::uint32_t node);
    result<void> compile_count(schema_draft& d, keyword k, std::uint32_t node);

    const json_tree& tree(const schema_draft& d) const { return library_.tree(d.at); }
    number_rules& number(schema_draft& d) {
        return *(d.number ? d.number : d.number = &program_.numbers.emplace_back());
    }
    string_rules& string(schema_draft& d) {
        return *(d.string ? d.string : d.string = &program_.strings.emplace_back());
    }
    array_rules& array(schema_draft& d) { return *(d.array ? d.array : d.array = &program_.arrays.emplace_back()); }
    object_rules& object(schema_draft& d) {
        return *(d.object ? d.object : d.object = &program_.objects.emplace_back());
    }
    applied_rules& applied(schema_draft& d) {
        return *(d.applied ? d.applied : d.applied = &program_.applied.emplace_back());
    }

    program& program_;
    schema_library library_;
    std::vector<place> places_; ///< by schema index
    std::size_t done_ = 0;
    std::map<std::pair<std::uint32_t, std::uint32_t>, schema_index> index_by_place_;
    std::map<std::uint32_t, schema_rules> rules_;
    std::map<std::string, std::uint32_t, std::less<>> dynamic_names_;
};

} // namespace aivp::schema_internal
