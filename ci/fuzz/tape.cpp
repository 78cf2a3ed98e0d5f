// Any bytes in place of a tape are refused with a place, or become a tape that can be written again, reads back as the
// same, and answers each of its own requests. The parts are separated by zero bytes: manifest, events, one blob.
#include "aivp/tape/files.hpp"

#include "aivp/tape/matcher.hpp"
#include "ci/fuzz/fuzz.hpp"
#include "runtime/tape/internal/tape_decode.hpp"

namespace {

std::string_view take_part(std::string_view& rest) {
    const std::size_t stop = std::min(rest.find('\0'), rest.size());
    const std::string_view part = rest.substr(0, stop);
    rest.remove_prefix(std::min(stop + 1, rest.size()));
    return part;
}

void require_place(const aivp::error& e) {
    fuzz::require(e.where.file.starts_with("x.tape/"), "an error names the file");
    fuzz::require(e.where.line > 0 && e.where.column > 0, "an error has a line and a column");
    fuzz::require(!e.message.empty(), "an error has a message");
}

void require_self_answering(const aivp::tape& t) {
    aivp::tape_matcher matcher(t.events);
    for (const aivp::tape_event& e : t.events) {
        bool found = true;
        if (const auto* m = std::get_if<aivp::tape_model_call>(&e.body)) {
            if (!m->tools) continue;
            found = matcher.model(e.lane, {m->model, m->params, *m->tools, m->messages}).has_value();
        } else if (const auto* s = std::get_if<aivp::tape_skill_call>(&e.body)) {
            found = matcher.skill(e.lane, s->skill, s->arguments).has_value();
        } else if (const auto* u = std::get_if<aivp::tape_user_turn>(&e.body)) {
            found = matcher.user(e.lane, u->text).has_value();
        }
        fuzz::require(found, "a tape answers its own requests");
    }
    const auto miss = matcher.skill("main", "no.such", aivp::payload::of_object({}));
    if (!miss) fuzz::require(!to_string(miss.error()).empty(), "a miss can be shown");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view manifest = take_part(rest);
    const std::string_view events = take_part(rest);
    const auto blobs = [rest](const aivp::digest&) -> aivp::result<std::string> {
        if (rest.empty()) return aivp::fail(aivp::errc::io_not_found, "no such file");
        return std::string(rest);
    };
    const auto read = aivp::internal::decode_tape(manifest, events, blobs, "x.tape");
    if (!read) {
        require_place(read.error());
        return 0;
    }
    for (const aivp::error& problem : read->problems) require_place(problem);
    const aivp::tape_text written = aivp::tape_to_text(*read);
    const auto again = aivp::tape_from_text(written, "x.tape");
    fuzz::require(again.has_value() && again->problems.empty(), "what was read can be written and read again");
    fuzz::require(again->manifest == read->manifest, "the manifest stays the same");
    fuzz::require(again->events.size() == read->events.size(), "no event is lost");
    for (std::size_t i = 0; i < read->events.size(); ++i)
        fuzz::require(again->events[i].body == read->events[i].body, "an event stays the same");
    require_self_answering(*again);
    return 0;
}
