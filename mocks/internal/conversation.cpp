#include "mocks/internal/conversation.hpp"

#include <algorithm>

#include "mocks/model_source.hpp"

namespace aivp {

const std::vector<payload>& conversation::messages() {
    if (!messages_) messages_ = request_.messages.messages();
    return *messages_;
}

const payload& conversation::last() { return messages().empty() ? nothing_ : messages().back(); }

std::string conversation::role(const payload& message) const {
    const auto found = member(message, "role");
    return found ? as_string(*found).value_or("") : "";
}

std::string conversation::text(const payload& message) const {
    const auto content = member(message, "content");
    if (!content || content->is_null()) return {};
    auto plain = as_string(*content);
    return plain ? std::move(*plain) : std::string(content->text());
}

bool conversation::contains(std::string_view text_part) {
    return std::ranges::any_of(messages(),
                               [&](const payload& m) { return text(m).find(text_part) != std::string::npos; });
}

std::uint32_t conversation::turn() { return turn_of(request_.messages); }

std::string conversation::tool_of(const payload& message) {
    const auto call = member(message, "call");
    if (!call || role(message) != "tool") return {};
    const auto& all = messages();
    for (std::size_t i = all.size(); i > 0; --i) {
        const auto calls = member(all[i - 1], "calls");
        if (!calls) continue;
        for (const payload& c : items(*calls)) {
            const auto id = member(c, "id");
            const auto name = member(c, "name");
            if (id && name && *id == *call) return as_string(*name).value_or("");
        }
    }
    return {};
}

std::optional<payload> conversation::tool_result(std::string_view name) {
    const auto& all = messages();
    for (std::size_t i = all.size(); i > 0; --i) {
        const payload& m = all[i - 1];
        if (role(m) == "tool" && (name.empty() || tool_of(m) == name)) return member(m, "content");
    }
    return std::nullopt;
}

std::optional<payload> conversation::user() {
    const auto& all = messages();
    for (std::size_t i = all.size(); i > 0; --i)
        if (role(all[i - 1]) == "user") return member(all[i - 1], "content");
    return std::nullopt;
}

std::vector<proposed_call> conversation::last_calls() {
    std::vector<proposed_call> out;
    const auto& all = messages();
    for (std::size_t i = all.size(); i > 0 && out.empty(); --i) {
        const auto calls = member(all[i - 1], "calls");
        if (!calls) continue;
        for (const payload& c : items(*calls)) {
            const auto name = member(c, "name");
            out.push_back(
                {name ? as_string(*name).value_or("") : "", member(c, "args").value_or(payload::from_canonical("{}"))});
        }
    }
    return out;
}

} // namespace aivp
