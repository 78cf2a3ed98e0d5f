#include "sim/import/internal/imported_run.hpp"

#include <algorithm>

namespace aivp::sim::internal {

namespace {

constexpr std::size_t name_bytes_max = 80;

bool run_all_answered(const imported_turn& turn) {
    return std::all_of(turn.calls.begin(), turn.calls.end(),
                       [](const imported_call& c) { return c.answer.has_value(); });
}

bool run_ends_by_skill(const imported_run& run, const imported_turn& turn) {
    return std::any_of(turn.calls.begin(), turn.calls.end(), [&](const imported_call& c) {
        return c.answer && !c.answer->failed &&
               std::find(run.ends_after.begin(), run.ends_after.end(), c.name) != run.ends_after.end();
    });
}

// What speaks against replaying one turn, given that another one follows.
std::string run_turn_obstacle(const imported_run& run, const imported_turn& turn, const std::string& number) {
    if (!run_all_answered(turn)) return "turn " + number + " has calls without an answer, and the run goes on";
    if (run_ends_by_skill(run, turn)) return "turn " + number + " calls a skill that ends the run, and the run goes on";
    if (turn.calls.empty() && !run.converse) return "turn " + number + " is an answer, and the run goes on";
    if (turn.calls.empty() && !turn.reply) return "turn " + number + " got no reply, and the run goes on";
    if (turn.reply_ends) return "the user left after turn " + number + ", and the run goes on";
    return {};
}

} // namespace

void check_imported_run(imported_run& run) {
    if (!run.skip.empty()) return;
    if (run.goal.empty()) {
        run.skip = "there is no user message to start from";
        return;
    }
    for (std::size_t i = 0; i < run.turns.size(); ++i) {
        const imported_turn& turn = run.turns[i];
        for (const imported_call& c : turn.calls)
            if (!c.arguments.is_object())
                run.skip =
                    "turn " + std::to_string(i + 1) + " calls `" + c.name + "` with arguments that are no object";
        if (i + 1 < run.turns.size() && run.skip.empty())
            run.skip = run_turn_obstacle(run, turn, std::to_string(i + 1));
    }
}

imported_ending ending_of(const imported_run& run) {
    if (run.turns.empty()) return imported_ending::cut;
    const imported_turn& last = run.turns.back();
    if (!run_all_answered(last)) return imported_ending::capped;
    if (!last.calls.empty()) return run_ends_by_skill(run, last) ? imported_ending::finished : imported_ending::cut;
    return last.reply && !last.reply_ends ? imported_ending::cut : imported_ending::finished;
}

std::string safe_name(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, name_bytes_max)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.';
        out += plain ? c : '_';
    }
    if (out.empty()) return "unnamed";
    if (out.front() == '.') out.front() = '_';
    return out;
}

} // namespace aivp::sim::internal
