// JSON text as a tree with places. payload::parse has the last word on what is JSON; this reader runs behind it and only
// has to find out where things stand.
#include <utility>

#include "runtime/codec/internal/text.hpp"

namespace aivp::internal {

namespace {

/// The text is valid JSON: no case of an unexpected byte is left.
class json_tree_reader {
public:
    json_tree_reader(std::string_view text) : text_(text), cursor_(text) {}

    /// nullopt when it is nested deeper than yaml_depth_max; place() is then where.
    std::optional<yaml_node> read(std::uint32_t depth) {
        skip_space();
        yaml_node node;
        node.at = place();
        if (peek() == '{' || peek() == '[') {
            if (depth >= yaml_depth_max) return {};
            return peek() == '{' ? read_object(std::move(node), depth) : read_array(std::move(node), depth);
        }
        if (peek() == '"') {
            const std::string_view written = take_string();
            node.plain = false;
            node.text = unescaped(written);
            node.single = written.substr(1).starts_with(node.text);
            return node;
        }
        const std::size_t end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
        node.text = text_.substr(at_, end - at_);
        if (node.text == "null") node.text.clear();
        at_ = end;
        return node;
    }

    text_place place() { return cursor_.place_at(at_); }

private:
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

    std::string_view take_string() {
        const std::size_t begin = at_++;
        while (peek() != '"') at_ += peek() == '\\' ? 2 : 1;
        ++at_;
        return text_.substr(begin, at_ - begin);
    }

    static std::string unescaped(std::string_view written) {
        if (written.find('\\') == std::string_view::npos) return std::string(written.substr(1, written.size() - 2));
        const auto value = payload::parse(written);
        return value ? as_string(*value).value_or("") : std::string();
    }

    std::optional<yaml_node> read_object(yaml_node node, std::uint32_t depth) {
        node.kind = yaml_kind::mapping;
        for (++at_;;) {
            skip_space();
            if (peek() == '}') break;
            yaml_member member;
            member.at = place();
            member.key = unescaped(take_string());
            skip_space();
            ++at_;
            auto value = read(depth + 1);
            if (!value) return {};
            member.value = std::move(*value);
            node.members.push_back(std::move(member));
            skip_space();
            if (peek() == ',') ++at_;
        }
        ++at_;
        return node;
    }

    std::optional<yaml_node> read_array(yaml_node node, std::uint32_t depth) {
        node.kind = yaml_kind::sequence;
        for (++at_;;) {
            skip_space();
            if (peek() == ']') break;
            auto item = read(depth + 1);
            if (!item) return {};
            node.items.push_back(std::move(*item));
            skip_space();
            if (peek() == ',') ++at_;
        }
        ++at_;
        return node;
    }

    std::string_view text_;
    text_cursor cursor_;
    std::size_t at_ = 0;
};

} // namespace

std::optional<yaml_node> read_json_text(std::string_view text, const std::string& file, std::vector<error>& errors) {
    if (text.size() > yaml_bytes_max) {
        errors.push_back({errc::json_size,
                          "the file has " + std::to_string(text.size()) + " bytes",
                          {file, 0, 0},
                          "Split it; 4 MiB is the limit.",
                          {}});
        return {};
    }
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (auto checked = payload::parse(text); !checked) {
        errors.push_back(std::move(checked).error());
        errors.back().where.file = file;
        return {};
    }
    json_tree_reader reader(text);
    auto root = reader.read(0);
    if (!root) {
        const text_place at = reader.place();
        errors.push_back({errc::yaml_depth,
                          "more than " + std::to_string(yaml_depth_max) + " levels of nesting",
                          {file, at.line, at.column},
                          {},
                          {}});
    }
    return root;
}

} // namespace aivp::internal
