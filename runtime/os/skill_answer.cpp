#include "runtime/os/skill_answer.hpp"

#include <utility>

namespace aivp {

namespace {

std::unexpected<error> not_an_answer(std::string why) { return fail(errc::process_protocol, std::move(why)); }

result<skill_answer> parse_error(const payload& details) {
    skill_answer out;
    if (!details.is_object()) return not_an_answer("its \"error\" is not an object");
    for (const auto& [name, value] : members(details)) {
        if (name == "code" && as_string(value))
            out.code = *as_string(value);
        else if (name == "message" && as_string(value))
            out.message = *as_string(value);
        else if (const auto number = as_integer(value); name == "retry_after_ms" && number && *number >= 0)
            out.retry_after_ms = *number;
        else
            return not_an_answer("its \"error\" holds a member \"" + name.substr(0, 60) +
                                 "\" that is unknown or of the wrong type");
    }
    if (out.code.empty()) return not_an_answer("its \"error\" has no \"code\"");
    return out;
}

} // namespace

result<skill_answer> parse_skill_answer(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return not_an_answer("it wrote nothing to stdout");
    const auto document = payload::parse(text);
    if (!document) return not_an_answer("it wrote no JSON document to stdout: " + document.error().message);
    const auto found = members(*document);
    if (found.size() == 1 && found.front().first == "ok") {
        skill_answer out;
        out.ok = true;
        out.result = found.front().second;
        return out;
    }
    if (found.size() == 1 && found.front().first == "error") return parse_error(found.front().second);
    return not_an_answer("its answer is neither {\"ok\": …} nor {\"error\": …}");
}

} // namespace aivp
