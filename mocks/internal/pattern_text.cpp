#include "mocks/internal/pattern_text.hpp"

#include <utility>

#include "mocks/internal/ascii.hpp"

namespace aivp {
namespace {

constexpr std::uint32_t pattern_nodes_max = 2000;
constexpr std::uint32_t pattern_repeat_max = 1000;
constexpr std::uint32_t pattern_depth_max = 30;
constexpr std::size_t pattern_text_bytes_max = 4096;
constexpr std::uint32_t pattern_steps_max = 20'000;

std::string pattern_printable() {
    std::string all;
    for (char c = 0x21; c < 0x7F; ++c) all += c;
    return all;
}

std::string pattern_range(char low, char high) {
    std::string out;
    for (int c = static_cast<unsigned char>(low); c <= static_cast<unsigned char>(high) && c < 0x80; ++c)
        out += static_cast<char>(c);
    return out;
}

std::string pattern_without(const std::string& unwanted) {
    std::string out;
    for (const char c : pattern_printable())
        if (unwanted.find(c) == std::string::npos) out += c;
    return out;
}

// The characters of "\d" and its like; a literal for an escaped sign; nothing for what is not supported.
std::optional<std::string> pattern_escape(char c) {
    const std::string digits = "0123456789";
    const std::string word = pattern_range('a', 'z') + pattern_range('A', 'Z') + digits + "_";
    switch (c) {
    case 'd': return digits;
    case 'D': return pattern_without(digits);
    case 'w': return word;
    case 'W': return pattern_without(word);
    case 's': return " ";
    case 'S': return pattern_printable();
    case 't': return "\t";
    case 'n': return "\n";
    case 'r': return "\r";
    default: break;
    }
    const bool letter_or_digit = ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
    return letter_or_digit ? std::nullopt : std::optional(std::string(1, c));
}

} // namespace

class pattern_text::parser {
public:
    parser(std::string_view pattern, std::vector<node>& nodes) : rest_(pattern), nodes_(nodes) {}

    std::optional<std::uint32_t> whole() {
        const auto root = choice(0);
        return root && rest_.empty() ? root : std::nullopt;
    }

private:
    std::optional<std::uint32_t> add(node n) {
        if (nodes_.size() >= pattern_nodes_max) return std::nullopt;
        nodes_.push_back(std::move(n));
        return static_cast<std::uint32_t>(nodes_.size() - 1);
    }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::optional<std::uint32_t> choice(std::uint32_t depth) {
        if (depth > pattern_depth_max) return std::nullopt;
        node n{kind::choice, {}, {}, 0, 0};
        do {
            const auto part = sequence(depth);
            if (!part) return std::nullopt;
            n.inside.push_back(*part);
        } while (take('|'));
        return n.inside.size() == 1 ? std::optional(n.inside.front()) : add(std::move(n));
    }

    std::optional<std::uint32_t> sequence(std::uint32_t depth) {
        node n{kind::sequence, {}, {}, 0, 0};
        while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') {
            if (take('^') || take('$')) continue;
            auto part = atom(depth);
            if (part) part = repeated(*part);
            if (!part) return std::nullopt;
            n.inside.push_back(*part);
        }
        return add(std::move(n));
    }

    std::optional<std::uint32_t> atom(std::uint32_t depth) {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '(') {
            if (rest_.starts_with("?") && !rest_.starts_with("?:")) return std::nullopt;
            if (rest_.starts_with("?:")) rest_.remove_prefix(2);
            const auto inside = choice(depth + 1);
            return inside && take(')') ? inside : std::nullopt;
        }
        if (c == '[') return char_class();
        if (c == '.') return add({kind::one_of, pattern_without(""), {}, 0, 0});
        if (c == '*' || c == '+' || c == '?' || c == '{') return std::nullopt;
        if (c != '\\') {
            std::string sign(1, c);
            for (; !rest_.empty() && (static_cast<unsigned char>(rest_.front()) & 0xC0u) == 0x80u;
                 rest_.remove_prefix(1))
                sign += rest_.front();
            return add({kind::text, std::move(sign), {}, 0, 0});
        }
        const auto escaped = escape();
        if (!escaped) return std::nullopt;
        return add({escaped->size() == 1 ? kind::text : kind::one_of, *escaped, {}, 0, 0});
    }

    std::optional<std::string> escape() {
        if (rest_.empty()) return std::nullopt;
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return pattern_escape(c);
    }

    std::optional<std::uint32_t> char_class() {
        const bool negated = take('^');
        std::string set;
        bool first = true;
        while (true) {
            if (rest_.empty()) return std::nullopt;
            if (!first && take(']')) break;
            first = false;
            std::string low(1, rest_.front());
            rest_.remove_prefix(1);
            if (static_cast<unsigned char>(low[0]) >= 0x80 || (low[0] == '[' && rest_.starts_with(':')))
                return std::nullopt;
            if (low[0] == '\\') {
                const auto escaped = escape();
                if (!escaped) return std::nullopt;
                low = *escaped;
            }
            if (low.size() == 1 && rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']') {
                const char high = rest_[1];
                rest_.remove_prefix(2);
                if (high == '\\' || high < low[0]) return std::nullopt;
                low = pattern_range(low[0], high);
            }
            set += low;
        }
        if (negated) set = pattern_without(set);
        if (set.empty()) return std::nullopt;
        return add({kind::one_of, std::move(set), {}, 0, 0});
    }

    std::optional<std::uint32_t> number() {
        std::uint32_t n = 0;
        bool any = false;
        while (!rest_.empty() && ascii_digit(rest_.front())) {
            n = n * 10 + static_cast<std::uint32_t>(rest_.front() - '0');
            if (n > pattern_repeat_max) return std::nullopt;
            rest_.remove_prefix(1);
            any = true;
        }
        return any ? std::optional(n) : std::nullopt;
    }

    std::optional<std::uint32_t> repeated(std::uint32_t part) {
        std::uint32_t least = 1;
        std::uint32_t most = 1;
        if (take('*')) {
            least = 0;
            most = 6;
        } else if (take('+')) {
            most = 8;
        } else if (take('?')) {
            least = 0;
        } else if (take('{')) {
            const auto low = number();
            if (!low) return std::nullopt;
            least = most = *low;
            if (take(',')) most = rest_.starts_with('}') ? least + 6 : number().value_or(0);
            if (!take('}') || most < least) return std::nullopt;
        } else {
            return part;
        }
        take('?');
        return add({kind::repeat, {}, {part}, least, most});
    }

    std::string_view rest_;
    std::vector<node>& nodes_;
};

std::optional<pattern_text> pattern_text::compile(std::string_view pattern) {
    pattern_text out;
    const auto root = parser(pattern, out.nodes_).whole();
    if (!root) return std::nullopt;
    out.root_ = *root;
    return out;
}

std::string pattern_text::generate(random_stream& draws) const {
    std::string out;
    std::uint32_t steps_left = pattern_steps_max;
    generate(root_, draws, out, steps_left);
    return out;
}

void pattern_text::generate(std::uint32_t index, random_stream& draws, std::string& out,
                            std::uint32_t& steps_left) const {
    const node& n = nodes_[index];
    if (out.size() > pattern_text_bytes_max || steps_left == 0) return;
    --steps_left;
    switch (n.what) {
    case kind::text: out += n.text; return;
    case kind::one_of: out += n.text[draws.below(n.text.size())]; return;
    case kind::sequence:
        for (const std::uint32_t i : n.inside) generate(i, draws, out, steps_left);
        return;
    case kind::choice: generate(n.inside[draws.below(n.inside.size())], draws, out, steps_left); return;
    case kind::repeat: {
        const std::uint64_t times = n.least + draws.below(std::uint64_t{n.most} - n.least + 1);
        for (std::uint64_t i = 0; i < times && steps_left > 0; ++i) generate(n.inside.front(), draws, out, steps_left);
        return;
    }
    }
}

} // namespace aivp
