#include "aivp/skill/redact.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "aivp/base/probe.hpp"
#include "runtime/skill/internal/placeholder.hpp"

namespace aivp {

namespace internal {

std::string placeholder_name(std::string_view name) {
    std::string clean(name);
    for (char& c : clean) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '_' && c != '.' && c != '-') c = '_';
    }
    return clean;
}

std::string placeholder(std::string_view clean_name, std::size_t number) {
    std::string out = "\u27e6secret:";
    out += clean_name;
    out += '#';
    out += std::to_string(number);
    out += "\u27e7";
    return out;
}

} // namespace internal

namespace {

using redact_tokens = std::vector<std::string>;

// nullopt when the text is no pointer.
std::optional<redact_tokens> redact_parse(std::string_view pointer) {
    redact_tokens tokens;
    if (pointer.empty()) return tokens;
    if (pointer.front() != '/') return std::nullopt;
    for (std::size_t i = 0; i < pointer.size(); ++i) {
        const char c = pointer[i];
        if (c == '/') {
            tokens.emplace_back();
        } else if (c != '~') {
            tokens.back() += c;
        } else {
            const char escaped = ++i < pointer.size() ? pointer[i] : ' ';
            if (escaped != '0' && escaped != '1') return std::nullopt;
            tokens.back() += escaped == '0' ? '~' : '/';
        }
    }
    return tokens;
}

class redact_walker {
public:
    explicit redact_walker(std::string_view kind) : kind_(internal::placeholder_name(kind)) {}

    // A pointer that leads to, or below, the value at hand: its tokens and how many of them are used up.
    struct trail {
        const redact_tokens* tokens = nullptr;
        std::size_t used = 0;
    };

    payload walk(const payload& p, const std::vector<trail>& trails) {
        for (const trail& t : trails) {
            if (t.used == t.tokens->size()) return replacement(p);
        }
        return p.is_object() ? walk_object(p, trails) : p.is_array() ? walk_array(p, trails) : p;
    }

private:
    static std::vector<trail> below(const std::vector<trail>& trails, std::string_view step) {
        std::vector<trail> next;
        for (const trail& t : trails) {
            const std::string& token = (*t.tokens)[t.used];
            if (token == "*" || token == step) next.push_back({t.tokens, t.used + 1});
        }
        return next;
    }

    payload walk_object(const payload& object, const std::vector<trail>& trails) {
        bool changed = false;
        auto entries = members(object);
        for (auto& [key, value] : entries) {
            const std::vector<trail> next = below(trails, key);
            if (next.empty()) continue;
            payload walked = walk(value, next);
            changed |= !walked.same_as(value);
            value = std::move(walked);
        }
        return changed ? payload::of_object(std::move(entries)) : object;
    }

    payload walk_array(const payload& array, const std::vector<trail>& trails) {
        bool changed = false;
        auto entries = items(array);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const std::vector<trail> next = below(trails, std::to_string(i));
            if (next.empty()) continue;
            payload walked = walk(entries[i], next);
            changed |= !walked.same_as(entries[i]);
            entries[i] = std::move(walked);
        }
        return changed ? payload::of_array(entries) : array;
    }

    payload replacement(const payload& value) {
        const std::size_t number = numbers_.try_emplace(std::string(value.text()), numbers_.size() + 1).first->second;
        AIVP_SOMETIMES(kind_ == "argument", "redact: a secret argument");
        AIVP_SOMETIMES(kind_ == "result", "redact: a secret result");
        payload label = payload::of_string(internal::placeholder(kind_, number));
        return label == value ? value : label;
    }

    std::string kind_;
    std::map<std::string, std::size_t> numbers_;
};

} // namespace

payload redact(const payload& p, std::span<const std::string> pointers, std::string_view kind) {
    if (pointers.empty()) return p;
    std::vector<redact_tokens> parsed;
    parsed.reserve(pointers.size());
    for (const std::string& pointer : pointers) parsed.push_back(redact_parse(pointer).value_or(redact_tokens{}));
    std::vector<redact_walker::trail> trails;
    trails.reserve(parsed.size());
    for (const redact_tokens& tokens : parsed) trails.push_back({&tokens, 0});
    return redact_walker(kind).walk(p, trails);
}

} // namespace aivp
