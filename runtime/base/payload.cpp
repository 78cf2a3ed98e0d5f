#include "aivp/base/payload.hpp"

#include <algorithm>
#include <charconv>

#include "aivp/base/assert.hpp"
#include "aivp/base/canonical_text.hpp"
#include "runtime/base/internal/json_reader.hpp"
#include "runtime/base/internal/json_text.hpp"

namespace aivp {

using internal::json_compare_keys;
using internal::json_item_reader;
using internal::json_member_reader;
using internal::json_unescape;

const digest& payload::null_hash() {
    static const digest hash = sha256(null_text);
    return hash;
}

result<payload> payload::parse(std::string_view text) {
    AIVP_TRY(std::string canonical, internal::canonicalise_json(text));
    return from_canonical(std::move(canonical));
}

payload payload::from_canonical(std::string canonical) {
    AIVP_ASSERT(!canonical.empty(), "no JSON text is empty");
    const digest hash = sha256(canonical);
    return payload(std::make_shared<const rep>(rep{std::move(canonical), hash}));
}

payload payload::of_string(std::string_view text) {
    std::string canonical;
    append_json_string(canonical, text);
    return from_canonical(std::move(canonical));
}

payload payload::of_integer(std::int64_t value) { return from_canonical(std::to_string(value)); }

payload payload::of_bool(bool value) {
    static const payload yes = from_canonical("true");
    static const payload no = from_canonical("false");
    return value ? yes : no;
}

payload payload::of_object(std::vector<std::pair<std::string, payload>> members) {
    struct literal_member {
        std::string key;
        const payload* value;
        std::string_view contents() const { return std::string_view(key).substr(1, key.size() - 2); }
    };
    std::vector<literal_member> literals;
    literals.reserve(members.size());
    std::size_t size = 2;
    for (const auto& [key, value] : members) {
        literal_member& literal = literals.emplace_back(std::string(), &value);
        append_json_string(literal.key, key);
        size += literal.key.size() + value.text().size() + 2;
    }
    const auto before = [](const literal_member& a, const literal_member& b) {
        return json_compare_keys(a.contents(), b.contents()) < 0;
    };
    if (!std::is_sorted(literals.begin(), literals.end(), before)) std::sort(literals.begin(), literals.end(), before);

    std::string text;
    text.reserve(size);
    text += '{';
    for (std::size_t i = 0; i < literals.size(); ++i) {
        if (i > 0) {
            AIVP_ASSERT(literals[i - 1].key != literals[i].key, "the keys of an object are unique");
            text += ',';
        }
        text.append(literals[i].key).append(1, ':').append(literals[i].value->text());
    }
    return from_canonical(text += '}');
}

payload payload::of_array(const std::vector<payload>& items) {
    std::size_t size = 2;
    for (const payload& item : items) size += item.text().size() + 1;
    std::string text;
    text.reserve(size);
    text += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) text += ',';
        text += items[i].text();
    }
    return from_canonical(text += ']');
}

namespace {

payload payload_of(std::string_view canonical) { return payload::from_canonical(std::string(canonical)); }

std::string_view payload_literal_contents(std::string_view literal) { return literal.substr(1, literal.size() - 2); }

// One reference token of a JSON pointer, taken off the front of `pointer`, which starts with '/'; nullopt for a bad escape.
std::optional<std::string> payload_take_token(std::string_view& pointer) {
    pointer.remove_prefix(1);
    const std::size_t size = std::min(pointer.find('/'), pointer.size());
    std::string token;
    for (std::size_t i = 0; i < size; ++i) {
        if (pointer[i] != '~') {
            token += pointer[i];
            continue;
        }
        if (++i == size || (pointer[i] != '0' && pointer[i] != '1')) return std::nullopt;
        token += pointer[i] == '0' ? '~' : '/';
    }
    pointer.remove_prefix(size);
    return token;
}

std::optional<std::string_view> payload_item_text(std::string_view array, std::string_view token) {
    std::size_t index = 0;
    const auto [stop, ec] = std::from_chars(token.data(), token.data() + token.size(), index);
    const bool leading_zero = token.size() > 1 && token.front() == '0';
    if (token.empty() || ec != std::errc{} || stop != token.data() + token.size() || leading_zero) return std::nullopt;
    json_item_reader reader(array);
    for (std::size_t i = 0; reader.next(); ++i) {
        if (i == index) return reader.value();
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string_view> member_text(std::string_view canonical_object, std::string_view key) {
    // A key without escapes reads the same in the text.
    const bool plain = std::none_of(key.begin(), key.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || static_cast<unsigned char>(c) >= 0x80;
    });
    std::string literal;
    if (!plain) append_json_string(literal, key);
    const std::string_view wanted = plain ? key : payload_literal_contents(literal);
    json_member_reader reader(canonical_object);
    while (reader.next()) {
        if (reader.key() == wanted) return reader.value();
    }
    return std::nullopt;
}

std::optional<std::string_view> pointer_text(std::string_view canonical, std::string_view pointer) {
    std::string_view text = canonical;
    while (!pointer.empty()) {
        if (pointer.front() != '/') return std::nullopt;
        const std::optional<std::string> token = payload_take_token(pointer);
        if (!token) return std::nullopt;
        const auto next = text.front() == '[' ? payload_item_text(text, *token) : member_text(text, *token);
        if (!next) return std::nullopt;
        text = *next;
    }
    return text;
}

std::optional<payload> at_pointer(const payload& document, std::string_view pointer) {
    if (pointer.empty()) return document;
    const auto text = pointer_text(document.text(), pointer);
    if (!text) return std::nullopt;
    return payload_of(*text);
}

std::optional<payload> member(const payload& object, std::string_view key) {
    const auto text = member_text(object.text(), key);
    if (!text) return std::nullopt;
    return payload_of(*text);
}

std::vector<std::pair<std::string, payload>> members(const payload& object) {
    std::vector<std::pair<std::string, payload>> list;
    json_member_reader reader(object.text());
    while (reader.next()) list.emplace_back(json_unescape(reader.key()), payload_of(reader.value()));
    return list;
}

std::vector<std::string_view> item_texts(std::string_view canonical_array) {
    std::vector<std::string_view> list;
    json_item_reader reader(canonical_array);
    while (reader.next()) list.push_back(reader.value());
    return list;
}

std::vector<std::pair<std::string_view, std::string_view>> member_texts(std::string_view canonical_object) {
    std::vector<std::pair<std::string_view, std::string_view>> list;
    json_member_reader reader(canonical_object);
    while (reader.next()) list.emplace_back(reader.key(), reader.value());
    return list;
}

std::vector<payload> items(const payload& array) {
    std::vector<payload> list;
    json_item_reader reader(array.text());
    while (reader.next()) list.push_back(payload_of(reader.value()));
    return list;
}

std::optional<std::string> as_string(const payload& p) {
    if (!p.is_string()) return std::nullopt;
    return json_unescape(payload_literal_contents(p.text()));
}

std::optional<std::int64_t> as_integer(const payload& p) {
    const std::string_view text = p.text();
    std::int64_t value = 0;
    const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<bool> as_bool(const payload& p) {
    if (p.text() == "true") return true;
    if (p.text() == "false") return false;
    return std::nullopt;
}

payload merged(const payload& base, const payload& overlay) {
    AIVP_ASSERT(base.is_object() && overlay.is_object(), "only objects can be merged");
    if (overlay.text() == "{}") return base;
    if (base.text() == "{}") return overlay;
    std::string text;
    text.reserve(base.text().size() + overlay.text().size());
    const auto append = [&text](const json_member_reader& m) {
        text += text.empty() ? '{' : ',';
        text.append(1, '"').append(m.key()).append("\":").append(m.value());
    };
    json_member_reader below(base.text());
    json_member_reader above(overlay.text());
    bool has_below = below.next();
    bool has_above = above.next();
    while (has_below || has_above) {
        const int order = !has_above ? -1 : !has_below ? 1 : json_compare_keys(below.key(), above.key());
        append(order < 0 ? below : above);
        if (order <= 0) has_below = below.next();
        if (order >= 0) has_above = above.next();
    }
    return payload::from_canonical(text += '}');
}

namespace {

class payload_comparison {
public:
    explicit payload_comparison(std::size_t limit) : limit_(limit) {}

    void compare(std::string_view left, std::string_view right, std::uint32_t depth) {
        if (left == right || found_.size() >= limit_) return;
        if (left.front() != right.front() || depth > json_depth_max) return report(left, right);
        if (left.front() == '{') return compare_objects(left, right, depth);
        if (left.front() == '[') return compare_arrays(left, right, depth);
        report(left, right);
    }
    std::vector<json_difference> take() { return std::move(found_); }

private:
    using side = std::optional<std::string_view>;

    void report(side left, side right) {
        if (found_.size() >= limit_) return;
        const auto to_payload = [](side s) { return s ? std::optional(payload_of(*s)) : std::nullopt; };
        found_.push_back({pointer_, to_payload(left), to_payload(right)});
    }

    template <class Body>
    void below(std::string_view token, Body body) {
        const std::size_t size = pointer_.size();
        pointer_ += '/';
        for (const char c : token) {
            if (c == '~')
                pointer_ += "~0";
            else if (c == '/')
                pointer_ += "~1";
            else
                pointer_ += c;
        }
        body();
        pointer_.resize(size);
    }

    void compare_objects(std::string_view left, std::string_view right, std::uint32_t depth) {
        json_member_reader l(left);
        json_member_reader r(right);
        bool has_l = l.next();
        bool has_r = r.next();
        while ((has_l || has_r) && found_.size() < limit_) {
            const int order = !has_r ? -1 : !has_l ? 1 : json_compare_keys(l.key(), r.key());
            if (order != 0 || l.value() != r.value()) {
                below(json_unescape(order <= 0 ? l.key() : r.key()), [&] {
                    if (order == 0)
                        compare(l.value(), r.value(), depth + 1);
                    else
                        report(order < 0 ? side(l.value()) : side(), order > 0 ? side(r.value()) : side());
                });
            }
            if (order <= 0) has_l = l.next();
            if (order >= 0) has_r = r.next();
        }
    }

    void compare_arrays(std::string_view left, std::string_view right, std::uint32_t depth) {
        json_item_reader l(left);
        json_item_reader r(right);
        bool has_l = l.next();
        bool has_r = r.next();
        for (std::size_t i = 0; (has_l || has_r) && found_.size() < limit_; ++i) {
            below(std::to_string(i), [&] {
                if (has_l && has_r)
                    compare(l.value(), r.value(), depth + 1);
                else
                    report(has_l ? side(l.value()) : side(), has_r ? side(r.value()) : side());
            });
            has_l = has_l && l.next();
            has_r = has_r && r.next();
        }
    }

    std::size_t limit_;
    std::string pointer_;
    std::vector<json_difference> found_;
};

} // namespace

std::vector<json_difference> differences(const payload& left, const payload& right, std::size_t limit) {
    payload_comparison comparison(limit);
    comparison.compare(left.text(), right.text(), 0);
    return comparison.take();
}

} // namespace aivp
