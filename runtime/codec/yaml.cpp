#include "runtime/codec/yaml.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "runtime/codec/internal/text.hpp"

namespace aivp {

const yaml_member* yaml_node::find(std::string_view key) const {
    const auto found = std::ranges::find(members, key, &yaml_member::key);
    return found == members.end() ? nullptr : &*found;
}

namespace {

/// Ends reading from inside yaml-cpp; what was wrong is in the list of errors.
struct yaml_stopped {};

constexpr std::size_t yaml_errors_max = 100;
/// yaml-cpp keeps a token for every bracket that may still turn out to begin a key. More than this many at once are refused
/// before it sees the text; no honest text, quoted or not, has so many unbalanced brackets.
constexpr std::int64_t yaml_open_brackets_max = 1024;

/// Builds the tree from yaml-cpp's events.
class yaml_builder final : public YAML::EventHandler {
public:
    yaml_builder(std::string_view text, const std::string& file, std::vector<error>& errors)
        : text_(text), file_(file), errors_(errors), cursor_(text) {}

    yaml_node take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ == 0) return;
        report(errc::yaml_forbidden, mark, "a second document begins here",
               "Put each document into a file of its own.");
        throw yaml_stopped();
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check_properties(mark, {}, anchor);
        add(leaf(mark, {}, true));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        report(errc::yaml_forbidden, mark, "an alias stands here", "Write the value out.");
        add(leaf(mark, {}, true));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_properties(mark, tag, anchor);
        if (!internal::is_utf8(value)) report(errc::json_utf8, mark, "an escape in this text makes invalid UTF-8", {});
        add(leaf(mark, value, tag == "?" || tag.empty()));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, yaml_kind::sequence);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, yaml_kind::mapping);
    }
    void OnMapEnd() override { close(); }

    void report(errc code, const YAML::Mark& mark, std::string message, std::string help) {
        if (errors_.size() >= yaml_errors_max) throw yaml_stopped();
        errors_.push_back({code, std::move(message), position(place(mark)), std::move(help), {}});
    }
    text_place place(const YAML::Mark& mark) {
        return cursor_.place_at(mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos));
    }

private:
    struct frame {
        yaml_node node;
        yaml_member member; ///< of a mapping: its key once that was read
        bool has_key = false;
        std::set<std::string, std::less<>> keys;
    };

    source_pos position(text_place p) const { return {file_, p.line, p.column}; }
    char char_at(const YAML::Mark& mark) const {
        return mark.pos >= 0 && static_cast<std::size_t>(mark.pos) < text_.size()
                   ? text_[static_cast<std::size_t>(mark.pos)]
                   : '\0';
    }

    yaml_node leaf(const YAML::Mark& mark, const std::string& value, bool plain) {
        yaml_node node;
        node.plain = plain;
        node.text = value;
        node.at = place(mark);
        const char first = char_at(mark);
        if (first == '|' || first == '>') {
            node.single = false;
        } else if (mark.pos >= 0) {
            const std::string_view rest = text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size()));
            // An escape or a fold makes the text differ from what is written.
            node.single = rest.substr(plain || rest.empty() ? 0 : 1).starts_with(value);
        }
        return node;
    }

    /// yaml-cpp reports a quoted scalar and the tag "!" alike, so the text itself is looked at as well.
    void check_properties(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor) {
        if (anchor != 0 || char_at(mark) == '&') {
            report(errc::yaml_forbidden, mark, "an anchor stands here", "Write the value out where it is needed.");
        } else if (char_at(mark) == '!' || (!tag.empty() && tag != "?" && tag != "!")) {
            report(errc::yaml_forbidden, mark, "a tag stands here",
                   "Leave the tag out; quote the value to make it text.");
        }
    }

    void open(const YAML::Mark& mark, std::string_view tag, YAML::anchor_t anchor, yaml_kind kind) {
        check_properties(mark, tag, anchor);
        if (stack_.size() >= yaml_depth_max) {
            report(errc::yaml_depth, mark, "more than " + std::to_string(yaml_depth_max) + " levels of nesting", {});
            throw yaml_stopped();
        }
        if (expects_key()) refuse_key(mark);
        frame& f = stack_.emplace_back();
        f.node.kind = kind;
        f.node.at = place(mark);
    }

    void close() {
        yaml_node node = std::move(stack_.back().node);
        stack_.pop_back();
        attach(std::move(node));
    }

    bool expects_key() const { return !stack_.empty() && stack_.back().node.is_mapping() && !stack_.back().has_key; }

    [[noreturn]] void refuse_key(const YAML::Mark& mark) {
        report(errc::yaml_forbidden, mark, "a key must be text", "Write the key as one word, or in quotes.");
        throw yaml_stopped();
    }

    void add(yaml_node scalar) {
        if (!expects_key()) return attach(std::move(scalar));
        frame& f = stack_.back();
        const source_pos where = position(scalar.at);
        if (scalar.plain && (scalar.text == "<<" || scalar.text.empty())) {
            const bool merge = !scalar.text.empty();
            errors_.push_back({errc::yaml_forbidden,
                               merge ? "a merge key stands here" : "a key is empty",
                               where,
                               merge ? "Write the merged members out." : "Quote the key, or name it.",
                               {}});
        }
        if (!f.keys.insert(scalar.text).second) {
            const yaml_member* first = f.node.find(scalar.text);
            errors_.push_back(
                {errc::yaml_duplicate_key,
                 "the key `" + internal::shown(scalar.text) + "` stands twice in one mapping",
                 where,
                 "Remove one of the two; the first stands in line " + std::to_string(first->at.line) + ".",
                 {}});
        }
        if (errors_.size() >= yaml_errors_max) throw yaml_stopped();
        f.member.key = std::move(scalar.text);
        f.member.at = scalar.at;
        f.has_key = true;
    }

    void attach(yaml_node node) {
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        frame& f = stack_.back();
        if (f.node.is_sequence()) {
            f.node.items.push_back(std::move(node));
            return;
        }
        f.member.value = std::move(node);
        f.node.members.push_back(std::exchange(f.member, {}));
        f.has_key = false;
    }

    std::string_view text_;
    const std::string& file_;
    std::vector<error>& errors_;
    internal::text_cursor cursor_;
    std::vector<frame> stack_;
    yaml_node root_;
    int documents_ = 0;
};

/// What yaml-cpp would read wrongly or at too high a price.
std::optional<error> check_before_yaml(std::string_view text, const std::string& file) {
    internal::text_cursor cursor(text);
    const auto refuse = [&](errc code, std::size_t offset, std::string message, std::string help = {}) {
        const text_place at = cursor.place_at(offset);
        return error{code, std::move(message), {file, at.line, at.column}, std::move(help), {}};
    };
    std::int64_t brackets = 0;
    bool line_begins = true;
    bool only_comments_so_far = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 && c != '\n' && c != '\t')
            return refuse(errc::yaml_syntax, i, "a control character stands here",
                          "Remove it, or write it as an escape such as \"\\u0007\".");
        if (c == '[' || c == '{') ++brackets;
        if ((c == ']' || c == '}') && brackets > 0) --brackets;
        if (brackets > yaml_open_brackets_max)
            return refuse(errc::yaml_depth, i, "more than 1024 brackets are open here");
        if (line_begins && c == '\t')
            return refuse(errc::yaml_syntax, i, "a line is indented with a tab", "Indent with spaces.");
        if (line_begins && c == '%' && only_comments_so_far)
            return refuse(errc::yaml_forbidden, i, "a directive stands here",
                          "Remove the line; files are read as YAML 1.2.");
        if (line_begins && c != '#' && c != '\n' && c != ' ') only_comments_so_far = false;
        line_begins = c == '\n';
    }
    return {};
}

/// What usually lies behind a message of yaml-cpp.
std::string help_for_yaml(std::string_view message) {
    constexpr std::pair<std::string_view, std::string_view> helps[] = {
        {"illegal map value", "Put the value in quotes when it holds a colon followed by a blank."},
        {"end of map flow not found", "Close the { that is open here; inside { } and [ ] put texts with brackets, such "
                                      "as \"${step.field}\", in quotes."},
        {"end of sequence flow not found", "Close the [ that is open here; inside { } and [ ] put texts with brackets, "
                                           "such as \"${step.field}\", in quotes."},
        {"end of map not found", "Indent the keys of one mapping alike."},
        {"end of sequence not found", "Indent the items of one list alike."},
        {"illegal EOF in scalar", "Close the quote."},
        {"unknown escape character", "Write a backslash twice, or use single quotes."},
    };
    for (const auto& [begin, help] : helps)
        if (message.starts_with(begin)) return std::string(help);
    return {};
}

std::optional<yaml_node> run_yaml(std::string_view text, const std::string& file, std::vector<error>& errors) {
    const std::size_t errors_before = errors.size();
    yaml_builder builder(text, file, errors);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {}
    } catch (const yaml_stopped&) {
        // The builder has said why.
    } catch (const YAML::Exception& e) {
        text_place at = builder.place(e.mark);
        // yaml-cpp points behind the escape, which is a backslash and one character.
        if (e.msg.starts_with("unknown escape character") && at.column > 2) at.column -= 2;
        errors.push_back({errc::yaml_syntax, e.msg, {file, at.line, at.column}, help_for_yaml(e.msg), {}});
    } catch (const std::exception& e) {
        errors.push_back(
            {errc::yaml_syntax, std::string("the text cannot be read: ") + e.what(), {file, 0, 0}, {}, {}});
    }
    if (errors.size() > errors_before) return {};
    return builder.take_root();
}

std::optional<yaml_node> read_yaml_text(std::string_view text, const std::string& file, std::vector<error>& errors) {
    if (text.size() > yaml_bytes_max) {
        errors.push_back({errc::json_size,
                          "the file has " + std::to_string(text.size()) + " bytes",
                          {file, 0, 0},
                          "Split it; 4 MiB is the limit.",
                          {}});
        return {};
    }
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (const auto offset = internal::first_invalid_utf8(text)) {
        const text_place at = internal::text_cursor(text).place_at(*offset);
        errors.push_back({errc::json_utf8, "this byte is not valid UTF-8", {file, at.line, at.column}, {}, {}});
        return {};
    }
    std::string unix_text;
    if (text.find('\r') != std::string_view::npos) {
        unix_text.reserve(text.size());
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') unix_text += text[i];
        text = unix_text;
    }
    if (auto refused = check_before_yaml(text, file)) {
        errors.push_back(std::move(*refused));
        return {};
    }
    return run_yaml(text, file, errors);
}

result<yaml_document> first_error_or(std::optional<yaml_node> root, std::string file, std::vector<error> errors) {
    if (!root) return std::unexpected(std::move(errors.front()));
    return yaml_document{std::move(file), std::move(*root)};
}

} // namespace

result<yaml_document> parse_yaml(std::string_view text, std::string file) {
    std::vector<error> errors;
    auto root = read_yaml_text(text, file, errors);
    return first_error_or(std::move(root), std::move(file), std::move(errors));
}

result<yaml_document> parse_json(std::string_view text, std::string file) {
    std::vector<error> errors;
    auto root = internal::read_json_text(text, file, errors);
    return first_error_or(std::move(root), std::move(file), std::move(errors));
}

std::optional<yaml_document> read_document(std::string_view text, std::string file, std::vector<error>& errors) {
    auto root =
        file.ends_with(".json") ? internal::read_json_text(text, file, errors) : read_yaml_text(text, file, errors);
    if (!root) return {};
    return yaml_document{std::move(file), std::move(*root)};
}

} // namespace aivp
