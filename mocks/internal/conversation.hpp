// Looks into a conversation; nothing is parsed before it is asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/kernel/model_call.hpp"

namespace aivp {

class conversation {
public:
    explicit conversation(const model_request& request) : request_(request) {}

    const std::vector<payload>& messages();
    /// null when there is none.
    const payload& last();
    std::string role(const payload& message) const;
    /// Of a string: its text; of anything else: its JSON; nothing when there is none.
    std::string text(const payload& message) const;
    bool contains(std::string_view text_part);
    std::uint32_t turn();
    /// Name of the tool whose result `message` is; empty when it is none.
    std::string tool_of(const payload& message);
    /// The last result of the tool, or of any tool when `name` is empty.
    std::optional<payload> tool_result(std::string_view name);
    /// What the user said last, as a JSON string.
    std::optional<payload> user();
    /// Calls of the last assistant message that has some.
    std::vector<proposed_call> last_calls();

private:
    const model_request& request_;
    std::optional<std::vector<payload>> messages_;
    payload nothing_;
};

} // namespace aivp
