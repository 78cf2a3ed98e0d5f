#include "runtime/schema/internal/json_tree.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "aivp/base/payload.hpp"
#include "runtime/schema/internal/decimal.hpp"

namespace aivp::schema_internal {
namespace {

constexpr std::uint64_t every_byte = 0x0101010101010101u;
constexpr std::uint64_t high_bits = 0x8080808080808080u;

/// The high bit of each byte that is zero; the bits above the lowest one may be wrong, which is why callers use only that.
constexpr std::uint64_t zero_bytes(std::uint64_t v) { return (v - every_byte) & ~v & high_bits; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

void json_tree::grow() {
    auto larger = std::make_unique_for_overwrite<json_node[]>(std::size_t{capacity_} * 4);
    std::memcpy(larger.get(), nodes_, std::size_t{capacity_} * sizeof(json_node));
    heap_ = std::move(larger);
    nodes_ = heap_.get();
    capacity_ *= 4;
}

/// One pass over a text. Its state lives in registers: it is a local of scan() and everything is inlined there.
class tree_scanner {
public:
    tree_scanner(json_tree& tree, std::string_view text)
        : tree_(tree),
          nodes_(tree.nodes_),
          capacity_(tree.capacity_),
          begin_(text.data()),
          at_(begin_),
          end_(begin_ + text.size()) {}

    bool run() {
        const bool ok = read_document();
        tree_.size_ = size_;
        return ok;
    }

private:
    using open_list = std::uint32_t[json_depth_max];

    // Each turn reads one value (or opens a container), then as many closing brackets as follow.
    bool read_document() {
        open_list open;
        std::uint32_t depth = 0;
        for (;;) {
            if (at_ == end_) return false;
            bool opened = false;
            if (*at_ == '{' || *at_ == '[') {
                if (depth == json_depth_max) return false;
                open[depth++] = size_;
                push(*at_ == '{' ? json_kind::object : json_kind::array, at_ + 1, 0);
                opened = true;
            } else {
                if (!read_scalar()) return false;
                if (depth != 0) nodes_[open[depth - 1]].flags |= nodes_[size_ - 1].flags & json_node::ambiguous;
            }
            if (!read_between(open, depth, opened)) return false;
            if (depth == 0) return at_ == end_;
        }
    }

    /// What stands between two values: closing brackets, a comma, a key.
    bool read_between(const open_list& open, std::uint32_t& depth, bool opened) {
        for (; depth != 0; opened = false) {
            auto& parent = nodes_[open[depth - 1]];
            if (at_ == end_) return false;
            const bool object = parent.kind == json_kind::object;
            if (*at_ == (object ? '}' : ']')) {
                parent.count += opened ? 0 : 1;
                parent.end = static_cast<std::uint32_t>(++at_ - begin_);
                parent.next = size_;
                if (--depth != 0) nodes_[open[depth - 1]].flags |= parent.flags;
                continue;
            }
            if (!opened) {
                if (*at_ != ',') return false;
                ++parent.count;
                ++at_;
            }
            if (!object) return true;
            if (at_ == end_ || *at_ != '"' || !read_string() || at_ == end_ || *at_ != ':') return false;
            ++at_;
            return true;
        }
        return true;
    }

    /// A node from at_ to `end`, which becomes at_.
    void push(json_kind kind, const char* end, std::uint8_t flags) {
        if (size_ == capacity_) {
            tree_.grow();
            nodes_ = tree_.nodes_;
            capacity_ = tree_.capacity_;
        }
        nodes_[size_] = {static_cast<std::uint32_t>(at_ - begin_),
                         static_cast<std::uint32_t>(end - begin_),
                         size_ + 1,
                         0,
                         kind,
                         flags};
        ++size_;
        at_ = end;
    }

    bool read_scalar() {
        switch (*at_) {
        case '"': return read_string();
        case 't': return read_word(json_kind::boolean, "true");
        case 'f': return read_word(json_kind::boolean, "false");
        case 'n': return read_word(json_kind::null, "null");
        default: return read_number();
        }
    }

    bool read_word(json_kind kind, std::string_view word) {
        if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
        push(kind, at_ + word.size(), 0);
        return true;
    }

    /// Moves `p` to the first quote or backslash, as far as whole blocks reach; false when the rest must be looked at by byte.
    bool skip_blocks(const char*& p, std::uint8_t& flags) const {
#if defined(__SSE2__)
        while (end_ - p >= 16) {
            const auto block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
            const auto stop =
                _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
            const auto stops = static_cast<std::uint32_t>(_mm_movemask_epi8(stop));
            const auto high = static_cast<std::uint32_t>(_mm_movemask_epi8(block));
            if (stops == 0) {
                if (high != 0) flags |= json_node::non_ascii;
                p += 16;
                continue;
            }
            if ((high & (stops - 1) & ~stops) != 0) flags |= json_node::non_ascii;
            p += std::countr_zero(stops);
            return true;
        }
#endif
        if constexpr (std::endian::native == std::endian::little) {
            while (end_ - p >= 8) {
                std::uint64_t block;
                std::memcpy(&block, p, 8);
                const std::uint64_t stops =
                    zero_bytes(block ^ every_byte * '"') | zero_bytes(block ^ every_byte * '\\');
                const std::uint64_t before = stops == 0 ? ~std::uint64_t{0} : (stops - 1) & ~stops;
                if ((block & before & high_bits) != 0) flags |= json_node::non_ascii;
                p += stops == 0 ? 8 : std::countr_zero(stops) / 8;
                if (stops != 0) return true;
            }
        }
        return false;
    }

    bool read_string() {
        std::uint8_t flags = 0;
        for (const char* p = at_ + 1;;) {
            skip_blocks(p, flags);
            if (p == end_) return false;
            const char c = *p++;
            if (c == '"') {
                push(json_kind::string, p, flags);
                return true;
            }
            if (c == '\\') {
                flags |= json_node::escaped;
                if (p++ == end_) return false;
            } else if (static_cast<unsigned char>(c) >= 0x80) {
                flags |= json_node::non_ascii;
            }
        }
    }

    bool read_number() {
        const char* p = at_;
        const auto digits = [&] {
            const char* const first = p;
            while (p != end_ && is_digit(*p)) ++p;
            return p != first;
        };
        if (*p == '-') ++p;
        if (!digits()) return false;
        std::uint8_t flags = p - at_ > 21 ? json_node::ambiguous : 0;
        if (p != end_ && *p == '.') {
            flags = json_node::fraction;
            ++p;
            if (!digits()) return false;
        }
        if (p != end_ && *p == 'e') {
            flags = json_node::fraction | json_node::ambiguous;
            ++p;
            if (p != end_ && (*p == '+' || *p == '-')) ++p;
            if (!digits()) return false;
        }
        push(json_kind::number, p, flags);
        return true;
    }

    json_tree& tree_;
    json_node* nodes_;
    std::uint32_t capacity_;
    std::uint32_t size_ = 0;
    const char* const begin_;
    const char* at_;
    const char* const end_;
};

bool json_tree::scan(std::string_view text) {
    text_ = text;
    size_ = 0;
    return text.size() < none && tree_scanner(*this, text).run();
}

std::string json_tree::string(std::uint32_t n) const {
    return nodes_[n].flags & json_node::escaped ? unescape(raw(n)) : std::string(raw(n));
}

std::uint32_t json_tree::member(std::uint32_t n, std::string_view name) const {
    if (nodes_[n].kind != json_kind::object) return none;
    for (std::uint32_t key = n + 1; key < nodes_[n].next; key = nodes_[key + 1].next)
        if (nodes_[key].flags & json_node::escaped ? string(key) == name : raw(key) == name) return key + 1;
    return none;
}

std::string json_tree::pointer(std::uint32_t n) const {
    std::string out;
    for (std::uint32_t at = 0; at != n;) {
        const bool object = nodes_[at].kind == json_kind::object;
        std::uint32_t child = at + 1;
        for (std::size_t index = 0;; ++index) {
            const std::uint32_t value = object ? child + 1 : child;
            if (n < nodes_[value].next) {
                append_pointer_token(out, object ? string(child) : std::to_string(index));
                if (n == child) return out;
                at = value;
                break;
            }
            child = nodes_[value].next;
        }
    }
    return out;
}

std::string unescape(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\' || i + 1 == raw.size()) {
            out += raw[i];
            continue;
        }
        switch (const char c = raw[++i]) {
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': {
            // Canonical text escapes control characters only: one byte.
            int code = 0;
            for (std::size_t k = 1; k <= 4; ++k)
                code = code * 16 + (i + k < raw.size() ? std::max(hex_value(raw[i + k]), 0) : 0);
            out += static_cast<char>(code & 0x7f);
            i += 4;
            break;
        }
        default: out += c;
        }
    }
    return out;
}

void append_pointer_token(std::string& pointer, std::string_view token) {
    pointer += '/';
    for (const char c : token) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
}

std::string normal_text(const json_tree& tree, std::uint32_t n) {
    const auto& node = tree[n];
    if (!(node.flags & json_node::ambiguous)) {
        if (node.kind != json_kind::number) return std::string(tree.text(n));
    }
    if (node.kind == json_kind::number) {
        const auto value = parse_decimal(tree.text(n));
        return (value.negative ? "-" : "") + value.digits + "e" + std::to_string(value.exponent);
    }
    const bool object = node.kind == json_kind::object;
    std::string out(1, object ? '{' : '[');
    for (std::uint32_t i = n + 1; i < node.next; i = tree[i].next) {
        if (out.size() > 1) out += ',';
        if (object) {
            out += tree.text(i);
            out += ':';
            ++i;
        }
        out += normal_text(tree, i);
    }
    out += object ? '}' : ']';
    return out;
}

} // namespace aivp::schema_internal
