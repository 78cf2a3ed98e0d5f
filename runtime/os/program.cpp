#include "runtime/os/program.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace aivp {

namespace {

std::string last_words(const std::string& log) {
    constexpr std::size_t bytes_max = 500;
    std::string text = log.size() <= bytes_max ? log : "…" + log.substr(log.size() - bytes_max);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text.empty() ? std::string() : "; stderr: " + text;
}

} // namespace

program_command command_in(std::vector<std::string> words, const std::string& folder) {
    constexpr std::string_view place = "{folder}";
    if (!words.empty() && words.front().find('/') != std::string::npos && words.front().front() != '/' &&
        !words.front().starts_with(place))
        words.front().insert(0, std::string(place) + "/");
    program_command out;
    for (std::string& word : words) {
        const bool names_file = word.starts_with(place);
        for (std::size_t at = word.find(place); at != std::string::npos; at = word.find(place, at + folder.size()))
            word.replace(at, place.size(), folder);
        if (!names_file) continue;
        word = std::filesystem::path(word).lexically_normal().string();
        std::error_code ec;
        if (word.size() > folder.size() + 1 && std::filesystem::exists(word, ec) &&
            std::ranges::find(out.readable, word) == out.readable.end())
            out.readable.push_back(word);
    }
    out.words = std::move(words);
    return out;
}

payload deadline_payload(instant deadline) {
    static constexpr instant end_of_years{253'402'300'800'000'000}; // 10000-01-01: RFC 3339 has four digits
    return deadline.us >= 0 && deadline < end_of_years ? payload::of_string(to_string(deadline)) : payload();
}

error with_last_words(error e) {
    for (const auto& [key, value] : e.context)
        if (key == "log") e.message += last_words(value);
    return e;
}

error no_answer(const process_result& end, const error* parsed) {
    if (end.killed)
        return {errc::process_died,
                "it was ended by signal " + std::to_string(end.exit_code - 128) + last_words(end.log),
                {},
                {},
                {}};
    if (end.exit_code != 0)
        return {errc::process_died,
                "it ended with exit code " + std::to_string(end.exit_code) + last_words(end.log),
                {},
                {},
                {}};
    // Without a look at stdout: a program that repeats its input there would put secrets into the message.
    return {errc::process_protocol, (parsed ? parsed->message : std::string()) + last_words(end.log), {}, {}, {}};
}

} // namespace aivp
