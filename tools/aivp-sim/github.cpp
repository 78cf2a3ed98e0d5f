#include "tools/aivp-sim/github.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

/// https://docs.github.com/actions: %, CR and LF in the message; also : and , in a property.
std::string escaped(std::string_view text, bool in_property) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '%': out += "%25"; break;
        case '\r': out += "%0D"; break;
        case '\n': out += "%0A"; break;
        case ':': out += in_property ? "%3A" : ":"; break;
        case ',': out += in_property ? "%2C" : ","; break;
        default: out += c;
        }
    }
    return out;
}

/// Without anything that would be read as Markdown or HTML.
std::string markdown(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        if (std::string_view("\\`*_{}[]()#+-!|~>").find(c) != std::string_view::npos) out += '\\';
        out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    }
    return out;
}

/// A fence that no line of the text can close.
std::string fenced(const std::string& text) {
    std::size_t longest = 2, run = 0;
    for (const char c : text) {
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    const std::string fence(longest + 1, '`');
    return fence + "text\n" + text + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string annotation(const reported_scenario& s, const reported_failure& f) {
    const std::string file = f.where.file.empty() ? s.file : f.where.file;
    std::string out = "::error file=" + escaped(printable(file), true);
    if (f.where.line != 0) out += ",line=" + std::to_string(f.where.line);
    if (f.where.line != 0 && f.where.column != 0) out += ",col=" + std::to_string(f.where.column);
    std::string text =
        printable(s.name) + "\nexpected  " + printable(f.expected) + "\nactual    " + printable(f.actual);
    if (!f.repro.empty()) text += "\nrepro     " + printable(f.repro);
    return out + ",title=" + escaped(printable(f.what), true) + "::" + escaped(text, false) + "\n";
}

std::string failure_markdown(const reported_failure& f) {
    return "\n### " + markdown(f.what) + "\n\n" + fenced(f.block);
}

} // namespace

std::string github_annotations(const reported_results& results) {
    std::set<std::string> told;
    std::string out;
    for (const reported_scenario& s : results.scenarios)
        for (const reported_failure& f : s.failures)
            if (told.size() < github_annotations_max && told.insert(f.what).second) out += annotation(s, f);
    return out;
}

std::string github_summary(const reported_results& results) {
    const batch_summary& sum = results.summary;
    std::string out = "## aivp-sim " + results.command + ": " + std::to_string(sum.passed) + " passed, " +
                      std::to_string(sum.failed) + " failed, " + std::to_string(sum.skipped) + " skipped\n";
    constexpr std::size_t room_for_rest = 200;
    std::size_t left = 0;
    for (const reported_scenario& s : results.scenarios)
        for (const reported_failure& f : s.failures) {
            if (f.block.empty()) continue;
            const std::string section =
                "\n**" + markdown(s.name) + "** · " + markdown(s.file) + "\n" + failure_markdown(f);
            if (out.size() + section.size() + room_for_rest > github_summary_bytes_max)
                ++left;
            else
                out += section;
        }
    if (left > 0) out += "\n" + counted(left, "more failure") + " for which there is no room here.\n";
    return out;
}

result<void> append_github_summary(const reported_results& results) {
    const char* path = std::getenv("GITHUB_STEP_SUMMARY");
    if (!path || *path == '\0') return {};
    std::error_code ec;
    const auto there = std::filesystem::file_size(path, ec);
    const std::string text = github_summary(results);
    // Steps before this one may have written to it.
    if (!ec && there + text.size() > github_summary_bytes_max) return {};
    std::ofstream out(path, std::ios::binary | std::ios::app);
    out << text;
    out.close();
    if (!out) return fail(errc::io_write, std::string("cannot write ") + path);
    return {};
}

} // namespace aivp::tools
