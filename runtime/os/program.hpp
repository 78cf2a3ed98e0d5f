// What the adapters that talk with programs of the user share: the words of a command, and how an end becomes an answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/ports/services.hpp"

namespace aivp {

struct program_command {
    std::vector<std::string> words;
    std::vector<std::string> readable; ///< what words name below the folder, as far as it is there
};

/// `{folder}` becomes `folder`, which is absolute, in every word; a first word that is a relative path is one below it.
/// Looks at the file system, for `readable` only.
program_command command_in(std::vector<std::string> words, const std::string& folder);

/// RFC 3339, or null when it is further away than that can say.
payload deadline_payload(instant deadline);

/// `e` with the end of its log, where its context has one, in the message.
error with_last_words(error e);

/// The error of a program that ran to its end and gave no answer that counts. `parsed`: what is wrong with its output.
error no_answer(const process_result& end, const error* parsed);

/// The answer of a program that has ended. An answer counts only when the program exits with 0; one that is not `ok` (it says
/// itself that it failed) from one that exits with any code. Errors: those of the launcher, process.died, process.protocol.
template <class Answer>
result<Answer> answer_of(const result<process_result>& end, result<Answer> (*parse)(std::string_view)) {
    if (!end) return std::unexpected(with_last_words(end.error()));
    if (end->killed) return std::unexpected(no_answer(*end, nullptr));
    auto answer = parse(end->output);
    if (answer && (end->exit_code == 0 || !answer->ok)) return answer;
    return std::unexpected(no_answer(*end, answer ? nullptr : &answer.error()));
}

} // namespace aivp
