// Rules of a scripted model: the first whose conditions all hold answers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mocks/model_source.hpp"

namespace aivp {

/// What is not set holds always. "Text" of a content that is no string is its JSON.
struct rule_condition {
    std::optional<std::string> last_role;             ///< system, user, assistant, tool
    std::optional<std::string> last_content_contains; ///< in the last message's content
    std::optional<std::string> tool_result_of;        ///< the last message is a result of this tool
    std::optional<bool> tool_failed;                  ///< the last message is a tool result that failed (or did not)
    std::optional<std::int64_t> turn;                 ///< the model's turn in this conversation, from 1
    std::optional<std::string> contains;              ///< in any message's content
    std::optional<std::string> lacks;                 ///< in no message's content
    std::optional<std::string> model;
    std::optional<std::string> agent;
    std::optional<std::string> offers; ///< a tool of this name is offered
};

/// An answer whose texts may hold references: `${/pointer}` into the last tool result, `${}` the whole of it,
/// `${name}` and `${name/pointer}` into the last result of the tool `name`, `${user}` the last thing that the user said.
/// A string that is one reference takes the value with its type; inside a longer text the value is written out.
struct rule_answer {
    model_answer answer;
    bool references = false;
};

struct model_rule {
    rule_condition when;
    rule_answer respond;
    std::uint32_t times = 0; ///< how often in one run; 0 = always
};

/// [{"when"?: {…}, "respond": answer, "times"?}]. Errors: config.*.
result<std::vector<model_rule>> parse_model_rules(const payload& document, const std::string& at);
/// As parse_model_answer, with references. Errors: config.*.
result<rule_answer> parse_rule_answer(const payload& document, const std::string& at);

/// A request that no rule fits, and a reference without a value, fail with script.no_rule; the message holds the beginning
/// of the conversation's last message.
class rule_source final : public model_source {
public:
    explicit rule_source(std::vector<model_rule> rules, std::optional<rule_answer> otherwise = std::nullopt);
    ~rule_source() override;
    model_answer answer(const model_request& request) override;
    void forget(run_id run) override;

private:
    struct memory;
    std::vector<model_rule> rules_;
    std::optional<rule_answer> otherwise_;
    std::unique_ptr<memory> memory_;
};

} // namespace aivp
