// Whatever a skill's process prints, and whatever stands in a lock file or in /proc: it is refused or understood, and what
// is understood says the same when it is written again.
#include "runtime/os/skill_answer.hpp"

#include <string>

#include "ci/fuzz/fuzz.hpp"
#include "runtime/os/internal/proc_table.hpp"
#include "runtime/os/pid_lock.hpp"

namespace {

using namespace aivp;

void check_answer(std::string_view text) {
    const auto answer = parse_skill_answer(text);
    if (!answer) {
        fuzz::require(answer.error().code == errc::process_protocol, "the only code is process.protocol");
        return;
    }
    fuzz::require(payload::parse(text).has_value(), "an answer is JSON");
    fuzz::require(answer->ok == answer->code.empty(), "errors have a code");
    if (!answer->ok) return;
    const auto again = parse_skill_answer(payload::of_object({{"ok", answer->result}}).text());
    fuzz::require(again && again->ok && again->result == answer->result, "results come through");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    check_answer(text);
    if (const auto identity = parse_identity(text))
        fuzz::require(parse_identity(to_text(*identity)) == identity, "an identity survives text");
    if (const auto entry = parse_proc_stat(text))
        fuzz::require(text.find(')') != std::string_view::npos, "a stat has a name");
    return 0;
}
