// Where a scripted model's answers come from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aivp/kernel/model_call.hpp"
#include "aivp/ports/completion.hpp"
#include "mocks/latency.hpp"

namespace aivp {

/// One answer. failed and unknown (code model.unknown) carry a code and a message instead of a response.
struct model_answer {
    effect_outcome outcome = effect_outcome::ok;
    model_response response;
    errc code = errc::ok;
    std::string message;
    std::optional<duration> latency; ///< instead of a drawn one
    /// Sum of the canonical sizes of what the model said, for usage that is not reported; -1 = count it.
    std::int64_t bytes = -1;
};

class model_source {
public:
    virtual ~model_source() = default;
    /// The same request of the same run (equal key, one after the other) gets the same answer again, unless that answer was
    /// a failure or brought a latency of its own: a repeat after a crash or a timeout is not a new turn.
    virtual model_answer answer(const model_request& request) = 0;
    /// The run is over: what is kept about it may go.
    virtual void forget(run_id run) = 0;
};

/// Content text, calls and usage; bytes counted once.
model_answer prepared_answer(model_response response);
/// {"content"?: text, "calls"?: [{"name","args"}], "finish"?, "usage"?: {"input","output","cached_input"?}, "latency"?} or
/// {"fail": code or {"code","message"?}, "latency"?}. Errors: config.*.
result<model_answer> parse_model_answer(const payload& document, const std::string& at);
/// Input tokens ~ bytes of conversation and tools / 4, output ~ bytes / 4, each rounded up: used where a response brings none.
token_usage derived_usage(const model_request& request, std::int64_t answer_bytes);
/// 1 + the number of turns that the model has had in this conversation. O(messages).
std::uint32_t turn_of(const history& messages);

/// What comes after the last answer of a sequence.
enum class sequence_end : std::uint8_t {
    fail, ///< script.no_rule
    repeat_last,
    start_again,
};

/// Prepared answers, played to each run from the first on: the fast path.
class sequence_source final : public model_source {
public:
    /// Precondition: not empty.
    explicit sequence_source(std::vector<model_answer> answers, sequence_end end = sequence_end::fail);
    ~sequence_source() override;
    model_answer answer(const model_request& request) override;
    void forget(run_id run) override;

private:
    struct cursors;
    std::vector<model_answer> answers_;
    sequence_end end_;
    std::unique_ptr<cursors> cursors_;
};

/// Another source for each agent, and one for all others.
class routed_source final : public model_source {
public:
    /// `otherwise` may be null: then an agent without a source fails with script.no_rule.
    routed_source(std::map<std::string, std::unique_ptr<model_source>, std::less<>> by_agent,
                  std::unique_ptr<model_source> otherwise);
    model_answer answer(const model_request& request) override;
    void forget(run_id run) override;

private:
    std::map<std::string, std::unique_ptr<model_source>, std::less<>> by_agent_;
    std::unique_ptr<model_source> otherwise_;
};

struct model_script {
    std::unique_ptr<model_source> source;
    latency_table latencies; ///< by model name
};

/// The `model` section of a scenario: {"rules": […], "default"?: answer} | {"sequence": [answer…], "then"?: fail |
/// repeat_last | start_again} | {"generate": {…}} | {"agents": {id: one of these}} beside one of these; and "latency"?.
/// `seed` is used by `generate` where it names none. Errors: config.*, each with a `pointer` in its context.
result<model_script> parse_model_script(const payload& document, std::uint64_t seed, std::string at = {});

} // namespace aivp
