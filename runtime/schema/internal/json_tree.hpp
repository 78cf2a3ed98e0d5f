// The values of a canonical JSON text as a flat array in document order. Nodes point into the text, nothing is copied, and
// small documents need no allocation: that makes one pass over the text plus a walk cheaper than any tree of objects.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace aivp::schema_internal {

inline constexpr std::uint32_t none = 0xffffffff;

enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

struct json_node {
    static constexpr std::uint8_t escaped = 1;   ///< a string with at least one backslash
    static constexpr std::uint8_t non_ascii = 2; ///< a string with bytes above 0x7f
    static constexpr std::uint8_t fraction = 4;  ///< a number with a point or an exponent
    /// Holds a number that can be written in two ways (1e+21 and 1000000000000000000000), so text does not decide equality.
    static constexpr std::uint8_t ambiguous = 8;

    std::uint32_t begin; ///< offset of the first byte
    std::uint32_t end;   ///< one past the last byte
    std::uint32_t next;  ///< one past the last node of this value
    std::uint32_t count; ///< items of an array, members of an object
    json_kind kind;
    std::uint8_t flags;
};

/// Members of an object at n: key nodes at n+1, then nodes[key+1].next, ...; the value follows its key.
class json_tree {
public:
    json_tree() = default;
    json_tree(const json_tree&) = delete;
    json_tree& operator=(const json_tree&) = delete;

    /// `text` must outlive the tree. False for what is not canonical JSON (white space, bad syntax, more than
    /// json_depth_max levels); keys may be in any order. Never reads outside `text`.
    bool scan(std::string_view text);

    const json_node& operator[](std::uint32_t n) const { return nodes_[n]; }
    const json_node* nodes() const { return nodes_; }
    std::uint32_t size() const { return size_; }
    const char* data() const { return text_.data(); }
    std::string_view document() const { return text_; }
    std::string_view text(std::uint32_t n) const { return text(nodes_[n]); }
    std::string_view text(const json_node& node) const { return text_.substr(node.begin, node.end - node.begin); }
    /// The text of a string node between its quotes, escapes as written.
    std::string_view raw(std::uint32_t n) const {
        return text_.substr(nodes_[n].begin + 1, nodes_[n].end - nodes_[n].begin - 2);
    }
    /// The string without escapes.
    std::string string(std::uint32_t n) const;
    bool is_true(std::uint32_t n) const { return nodes_[n].end - nodes_[n].begin == 4; }
    /// The value of a member; none when absent or when n is no object.
    std::uint32_t member(std::uint32_t n, std::string_view name) const;
    /// RFC 6901 pointer to n; of a key node: to its member.
    std::string pointer(std::uint32_t n) const;

private:
    friend class tree_scanner;
    static constexpr std::uint32_t inline_nodes = 80;

    void grow();

    std::string_view text_;
    json_node* nodes_ = inline_;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = inline_nodes;
    std::unique_ptr<json_node[]> heap_;
    json_node inline_[inline_nodes];
};

/// The inside of a canonical JSON string without its escapes.
std::string unescape(std::string_view raw);
/// One token of a JSON pointer: '~' and '/' escaped.
void append_pointer_token(std::string& pointer, std::string_view token);
/// Equal for equal values also where two numbers are written differently.
std::string normal_text(const json_tree& tree, std::uint32_t n);

} // namespace aivp::schema_internal
