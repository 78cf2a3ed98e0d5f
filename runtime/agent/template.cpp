#include "aivp/agent/template.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/agent/internal/reference.hpp"

namespace aivp {

namespace {

// Structure never spells "${" or "{{": in canonical text they occur inside strings and keys only.
bool template_has_marks(std::string_view text) {
    return text.find("${") != std::string_view::npos || text.find("{{") != std::string_view::npos;
}

void template_append_escaped(std::string& out, std::string_view text) {
    std::string literal;
    append_json_string(literal, text);
    out.append(literal, 1, literal.size() - 2);
}

// Containers around each other in canonical text.
std::uint32_t template_depth(std::string_view text) {
    std::uint32_t depth = 0;
    std::uint32_t depth_max = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth_max = std::max(depth_max, ++depth);
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return depth_max;
}

std::unexpected<error> template_too_large(const value_reference& reference, std::string what) {
    auto fault =
        fail(errc::args_limit, "the arguments " + std::move(what) + " with the value of ${" + reference.text + "}");
    fault.error().context.emplace_back("reference", reference.text);
    return fault;
}

} // namespace

// Walks the document once and cuts its text at the references.
class template_compiler {
public:
    explicit template_compiler(const name_resolver& resolve) : resolve_(resolve) { made_.text_.emplace_back(); }

    result<argument_template> compile(const payload& document) {
        AIVP_CHECK(walk(document, 0));
        if (made_.holes_.empty()) {
            const bool same = made_.text_.front() == document.text();
            made_.document_ = same ? document : payload::from_canonical(std::move(made_.text_.front()));
            made_.text_.clear();
        } else {
            made_.document_ = document;
        }
        return std::move(made_);
    }

private:
    // One stretch of a string: literal text, or a reference when `reference` is set.
    struct piece {
        std::string literal;
        std::optional<std::uint32_t> reference;
    };

    std::string& out() { return made_.text_.back(); }

    result<void> walk(const payload& value, std::uint32_t depth) {
        if (!template_has_marks(value.text())) {
            out() += value.text();
            return {};
        }
        if (value.is_string()) return cut_string(*as_string(value), depth);
        return value.is_array() ? walk_array(value, depth) : walk_object(value, depth);
    }

    result<void> walk_array(const payload& array, std::uint32_t depth) {
        out() += '[';
        std::size_t index = 0;
        for (const payload& item : items(array)) {
            if (index > 0) out() += ',';
            path_.push_back(std::to_string(index));
            AIVP_CHECK(walk(item, depth + 1));
            path_.pop_back();
            ++index;
        }
        out() += ']';
        return {};
    }

    result<void> walk_object(const payload& object, std::uint32_t depth) {
        out() += '{';
        bool first = true;
        for (const auto& [key, value] : members(object)) {
            path_.push_back(key);
            if (template_has_marks(key)) {
                return located(fail(errc::config_value, "a key holds a reference", {{}, 1, 1},
                                    "Only values may refer to other steps; write the key out."));
            }
            if (!first) out() += ',';
            first = false;
            append_json_string(out(), key);
            out() += ':';
            AIVP_CHECK(walk(value, depth + 1));
            path_.pop_back();
        }
        out() += '}';
        return {};
    }

    result<void> cut_string(const std::string& text, std::uint32_t depth) {
        auto split = pieces_of(text);
        if (!split) return located(std::unexpected(std::move(split).error()));
        const std::vector<piece>& pieces = *split;
        if (pieces.size() == 1 && pieces.front().reference) {
            add_hole(*pieces.front().reference, depth, true);
            return {};
        }
        out() += '"';
        for (const piece& p : pieces) {
            if (p.reference) {
                add_hole(*p.reference, depth, false);
            } else {
                template_append_escaped(out(), p.literal);
            }
        }
        out() += '"';
        return {};
    }

    void add_hole(std::uint32_t reference, std::uint32_t depth, bool whole) {
        made_.holes_.push_back({reference, depth, whole});
        made_.text_.emplace_back();
    }

    result<std::vector<piece>> pieces_of(std::string_view text) {
        std::vector<piece> pieces;
        std::string literal;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t opening = take_literal(text, at, literal);
            if (opening == std::string_view::npos) continue;
            const std::string_view closing = text[opening] == '$' ? "}" : "}}";
            const std::size_t close = text.find(closing, opening + 2);
            if (close == std::string_view::npos) {
                return fail(errc::config_value, "a reference is opened here and never closed",
                            {{}, 1, internal::column_of(text, opening)},
                            "Close it with " + std::string(closing) + "; for the literal text write $${ or {{{{.");
            }
            AIVP_TRY(value_reference reference, internal::parse_reference(text, opening + 2, close, resolve_));
            const auto index = internal::intern_reference(made_.references_, std::move(reference));
            if (!index) {
                return fail(errc::config_value, "more than " + std::to_string(references_max) + " different references",
                            {{}, 1, internal::column_of(text, opening)},
                            "Refer to whole values instead of to their parts.");
            }
            if (!literal.empty()) pieces.push_back({std::exchange(literal, {}), std::nullopt});
            pieces.push_back({{}, index});
            at = close + closing.size();
        }
        if (!literal.empty()) pieces.push_back({std::move(literal), std::nullopt});
        return pieces;
    }

    // Moves `at` over literal text and escapes; stops at a reference, whose offset it returns, else npos.
    static std::size_t take_literal(std::string_view text, std::size_t& at, std::string& literal) {
        const std::string_view rest = text.substr(at);
        if (rest.starts_with("{{{{")) {
            literal += "{{";
            at += 4;
            return std::string_view::npos;
        }
        if (rest.starts_with("{{")) return at;
        if (rest.front() != '$') {
            literal += rest.front();
            ++at;
            return std::string_view::npos;
        }
        const std::size_t dollars = std::min(rest.find_first_not_of('$'), rest.size());
        at += dollars;
        if (dollars == rest.size() || rest[dollars] != '{') {
            literal.append(dollars, '$');
            return std::string_view::npos;
        }
        literal.append(dollars / 2, '$');
        if (dollars % 2 == 1) return at - 1;
        literal += '{';
        ++at;
        return std::string_view::npos;
    }

    std::unexpected<error> located(std::unexpected<error> fault) const {
        std::string pointer;
        for (const std::string& step : path_) {
            pointer += '/';
            for (const char c : step)
                pointer += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
        }
        fault.error().context.emplace_back("pointer", std::move(pointer));
        return fault;
    }

    const name_resolver& resolve_;
    argument_template made_;
    std::vector<std::string> path_;
};

result<argument_template> argument_template::compile(const payload& document, const name_resolver& resolve) {
    return template_compiler(resolve).compile(document);
}

namespace {

// What stands for the value inside a longer string: already escaped, without quotes.
result<std::string_view> template_text_of(std::string_view value, const value_reference& reference) {
    const char first = value.front();
    if (first == '"') return value.substr(1, value.size() - 2);
    if (first != 'n' && first != '[' && first != '{') return value;
    const char* what = first == 'n' ? "null" : first == '[' ? "an array" : "an object";
    auto fault =
        fail(errc::run_reference, "${" + reference.text + "} is " + what + " and cannot be part of a longer text", {},
             "Let the string be nothing but the reference, or refer to a field of it.");
    fault.error().context.emplace_back("reference", reference.text);
    return fault;
}

} // namespace

result<payload> argument_template::render(const value_lookup& lookup) const {
    if (constant()) return document_;
    std::vector<std::string_view> values(references_.size());
    std::string out = text_.front();
    for (std::size_t i = 0; i < holes_.size(); ++i) {
        const hole& h = holes_[i];
        const value_reference& reference = references_[h.reference];
        std::string_view& value = values[h.reference];
        if (value.empty()) {
            AIVP_TRY(value, internal::read_value(reference, lookup));
        }
        if (h.whole) {
            if (h.depth + template_depth(value) > rendered_depth_max) {
                return template_too_large(reference,
                                          "are nested more than " + std::to_string(rendered_depth_max) + " levels");
            }
            out += value;
        } else {
            AIVP_TRY(const std::string_view text, template_text_of(value, reference));
            out += text;
        }
        out += text_[i + 1];
        if (out.size() > rendered_bytes_max) {
            return template_too_large(reference, "exceed " + std::to_string(rendered_bytes_max) + " bytes");
        }
    }
    return payload::from_canonical(std::move(out));
}

} // namespace aivp
