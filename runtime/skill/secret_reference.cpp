#include "aivp/skill/secret_reference.hpp"

namespace aivp {

namespace {

// In canonical text a quote inside of a string is escaped, so this can only be the beginning of an object.
constexpr std::string_view secret_reference_start = "{\"$secret\":";

void collect_secret_pointers(const payload& value, const std::string& at, std::vector<std::string>& out) {
    if (!has_secret_reference(value)) return;
    if (value.text().starts_with(secret_reference_start)) {
        out.push_back(at);
        return;
    }
    for (const auto& [key, part] : members(value)) {
        std::string step = at + "/";
        for (const char c : key) step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
        collect_secret_pointers(part, step, out);
    }
    std::size_t index = 0;
    for (const payload& part : items(value)) collect_secret_pointers(part, at + "/" + std::to_string(index++), out);
}

} // namespace

bool has_secret_reference(const payload& value) {
    return value.text().find(secret_reference_start) != std::string_view::npos;
}

std::vector<std::string> secret_reference_pointers(const payload& value) {
    std::vector<std::string> out;
    collect_secret_pointers(value, "", out);
    return out;
}

bool is_below(std::string_view pointer, const std::vector<std::string>& pointers) {
    for (const std::string& p : pointers)
        if (pointer.starts_with(p) && (pointer.size() == p.size() || pointer[p.size()] == '/')) return true;
    return false;
}

bool is_below_pattern(std::string_view pointer, const std::vector<std::string>& patterns) {
    const auto next = [](std::string_view& rest) {
        rest.remove_prefix(1); // the slash
        const std::string_view step = rest.substr(0, rest.find('/'));
        rest.remove_prefix(step.size());
        return step;
    };
    for (const std::string& pattern : patterns) {
        std::string_view wanted = pattern, given = pointer;
        bool fits = true;
        while (fits && !wanted.empty() && !given.empty()) {
            const std::string_view w = next(wanted), g = next(given);
            fits = w == "*" || w == g;
        }
        if (fits && wanted.empty()) return true;
    }
    return false;
}

result<payload> with_secrets(const payload& value,
                             const std::function<result<std::string>(std::string_view name)>& reveal) {
    std::string out;
    std::string_view text = value.text();
    for (std::size_t at = text.find(secret_reference_start); at != std::string_view::npos;
         at = text.find(secret_reference_start)) {
        out += text.substr(0, at);
        text = text.substr(at + secret_reference_start.size());
        // A name is a plain string and the object has no other member.
        const std::size_t end = text.find("\"}");
        if (text.empty() || text.front() != '"' || end == std::string_view::npos || end == 0)
            return fail(errc::secret_unavailable,
                        "a $secret reference is malformed: it is an object with one member, the secret's name");
        AIVP_TRY(const std::string secret, reveal(text.substr(1, end - 1)));
        append_json_string(out, secret);
        text = text.substr(end + 2);
    }
    out += text;
    return payload::from_canonical(std::move(out));
}

} // namespace aivp
