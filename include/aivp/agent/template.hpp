// References in step arguments: "${step.field}" stands for what an earlier step returned, "${trigger.field}" for the
// trigger's payload. A string that is nothing but one reference takes the referenced value with its type; a reference
// inside a longer string is written out as text (scalars only). "{{step.field}}" is read as the same thing.
//
// A reference is a name and any number of fields, joined by dots: "${fetch}" is the whole result, "${fetch.items.0.id}"
// looks into an array. Names and fields consist of letters, digits, _ - @ : / ~ + # % and anything beyond ASCII.
// Literal text: a run of dollars before "{" is read in pairs, so "$${x}" is the text "${x}" and "$$${x}" a dollar and a
// reference; "{{{{" is the text "{{". Keys of objects hold no references.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp {

/// Source 0 = the trigger's payload; n = result of step n-1 (0-based steps).
struct value_reference {
    std::uint32_t source = 0;
    std::string pointer; ///< RFC 6901 into that value
    std::string text;    ///< as written: "fetch.items"
    friend bool operator==(const value_reference&, const value_reference&) = default;
};

/// The values that references read; index = value_reference::source. A missing entry is "step did not run".
/// What it points to stays where it is during the call that the lookup is passed to.
using value_lookup = std::function<const payload*(std::uint32_t source)>;
/// Maps the first name of a reference ("fetch", "trigger") to its source number; nullopt = no such name.
using name_resolver = std::function<std::optional<std::uint32_t>(std::string_view name)>;

/// Different references of one template or condition.
inline constexpr std::size_t references_max = 1024;
/// Of one reference, in bytes.
inline constexpr std::size_t reference_bytes_max = 1024;
/// What a template with references may grow to; the gate refuses larger arguments anyway.
inline constexpr std::size_t rendered_bytes_max = 1u << 20;
inline constexpr std::uint32_t rendered_depth_max = 64;

/// Arguments with holes. Immutable once compiled.
class argument_template {
public:
    argument_template() = default;

    /// Errors: config.reference (unknown name; the context has `name`), config.value (a broken reference, one in a key,
    /// too many). `where.column` counts characters within the string, from 1; the context has `pointer`, the place of that
    /// string (or key) in `document`.
    static result<argument_template> compile(const payload& document, const name_resolver& resolve);
    /// No references: render() returns the same payload object each time.
    bool constant() const { return holes_.empty(); }
    /// As given; of a constant template with escapes: after their replacement.
    const payload& document() const { return document_; }
    /// Each reference once, in order of first appearance in the canonical document.
    const std::vector<value_reference>& references() const { return references_; }
    /// Errors: run.reference (no value; null, an array or an object inside a longer string), args.limit (the rendered
    /// document exceeds rendered_bytes_max or rendered_depth_max). Messages name the reference, never a value.
    result<payload> render(const value_lookup& lookup) const;

private:
    friend class template_compiler;
    // The canonical text of the document is cut at its references: a rendered document is text_[0], value of holes_[0],
    // text_[1], value of holes_[1], ... The cuts leave keys alone, so the result is canonical without sorting.
    struct hole {
        std::uint32_t reference = 0; // into references_
        std::uint32_t depth = 0;     // of the containers around it
        bool whole = false;          // nothing but one reference: typed
    };
    payload document_;
    std::vector<value_reference> references_;
    std::vector<std::string> text_;
    std::vector<hole> holes_;
};

/// A condition over the same references: comparison (== != < <= > >=) of references and JSON literals, `exists(ref)`,
/// `empty(ref)`, `!`, `&&`, `||`, parentheses. Numbers compare as numbers, strings by code points; comparing different
/// types is false for == and an error for the order.
///
/// References are written "fetch.count", "${fetch.count}" or "{{fetch.count}}"; without brackets they begin with a letter
/// or _ and are none of the words true, false, null. Binding, tightest first: ! · comparison (no chains) · && · ||. Both
/// sides of && and ||, the operand of ! and the whole are true or false, nothing else counts as such; && and || stop at
/// the first side that decides. Numbers compare exactly, as decimals, whatever their size; arrays and objects are equal
/// when their canonical texts are. `exists` holds for any value that is there, null too; `empty` for "", [], {}, null and
/// what is not there.
class condition {
public:
    static constexpr std::size_t bytes_max = 4096;
    static constexpr std::uint32_t depth_max = 64; ///< of parentheses and `!` in each other

    condition() = default; ///< always true
    /// Errors: config.value, config.reference (the context has `name`), both with the column in `where.column`, which
    /// counts characters from 1.
    static result<condition> compile(std::string_view text, const name_resolver& resolve);
    bool always() const { return root_ == nullptr; }
    const std::string& text() const { return text_; }
    /// Each reference once, in order of first appearance.
    const std::vector<value_reference>& references() const { return references_; }
    /// Errors: run.reference (missing value, types that have no order, something that is neither true nor false where
    /// that is needed). Messages name references, never a value.
    result<bool> evaluate(const value_lookup& lookup) const;

    struct node;

private:
    std::string text_;
    std::vector<value_reference> references_;
    std::shared_ptr<const node> root_;
};

} // namespace aivp
