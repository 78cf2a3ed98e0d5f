#include "tools/common/command.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cstdio>
#include <iostream>

#include "aivp/base/nearest.hpp"
#include "aivp/version.hpp"
#include "tools/common/completion.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

namespace po = boost::program_options;

// Set once, before the command runs.
bool json_wanted = false;
const program_spec* the_program = nullptr;

std::vector<std::string> command_names(const program_spec& program) {
    std::vector<std::string> names;
    for (const command_spec& c : program.commands) names.push_back(c.name);
    return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const std::string near = nearest_name(word, known);
    return near.empty() ? "" : "did you mean `" + near + "`?";
}

void print_program_help(const program_spec& program, bool all) {
    std::cout << program.name << ": " << program.summary << "\n\n";
    for (const command_spec& c : program.commands)
        for (std::size_t i = 0; i < std::min<std::size_t>(c.examples.size(), all ? 99 : 1); ++i)
            std::cout << "  " << c.examples[i] << "\n";
    std::cout << "\ncommands\n";
    for (const command_spec& c : program.commands) std::cout << "  " << padded(c.name, 12) << c.summary << "\n";
    std::cout << "\n`" << program.name << " COMMAND --help` says more; `" << program.name
              << " explain CODE` explains an error.\n";
}

void print_command_help(const program_spec& program, const command_spec& c) {
    std::cout << program.name << " " << c.synopsis << "\n" << c.summary << "\n";
    if (!c.examples.empty()) std::cout << "\nexamples\n";
    for (const std::string& e : c.examples) std::cout << "  " << e << "\n";
    if (!c.flags.empty()) std::cout << "\noptions\n";
    for (const flag_spec& f : c.flags) {
        const std::string left = "--" + f.name + (f.value_name.empty() ? "" : " " + f.value_name);
        std::cout << "  " << padded(left + "  ", 22) << f.help
                  << (f.default_text.empty() ? "" : " (default " + f.default_text + ")") << "\n";
    }
}

bool takes_value(const command_spec& c, std::string_view flag) {
    return std::any_of(c.flags.begin(), c.flags.end(),
                       [&](const flag_spec& f) { return f.name == flag && !f.value_name.empty(); });
}

result<arguments> parse_arguments(const command_spec& c, const std::vector<std::string>& words) {
    po::options_description options;
    arguments out;
    for (const flag_spec& f : c.flags) {
        if (f.value_name.empty())
            options.add_options()(f.name.c_str(), "");
        else
            options.add_options()(f.name.c_str(), po::value<std::string>(), "");
        out.defaults.emplace(f.name, f.default_text);
    }
    options.add_options()("positional", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("positional", -1);
    try {
        const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
        const po::parsed_options parsed =
            po::command_line_parser(words).options(options).positional(positional).style(style).run();
        for (const auto& o : parsed.options) {
            if (o.string_key == "positional")
                out.positional.insert(out.positional.end(), o.value.begin(), o.value.end());
            else if (!out.values.emplace(o.string_key, o.value.empty() ? "1" : o.value.front()).second)
                return fail(errc::usage_invalid, "--" + o.string_key + " is given twice");
        }
    } catch (const po::unknown_option& e) {
        std::vector<std::string> names;
        for (const flag_spec& f : c.flags) names.push_back("--" + f.name);
        return fail(errc::usage_invalid, "`" + c.name + "` has no option " + e.get_option_name(), {},
                    did_you_mean(e.get_option_name(), names));
    } catch (const po::error& e) {
        return fail(errc::usage_invalid, e.what());
    }
    return out;
}

/// What the synopsis calls the n-th operand, from 0: "PATH" in "run PATH… [--seeds N]".
std::string operand_name(const command_spec& c, std::size_t n) {
    std::string_view rest = c.synopsis;
    bool of_a_flag = false;
    for (std::size_t word_number = 0; !rest.empty(); ++word_number) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        std::string_view word = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (word.starts_with('[')) break;
        const bool is_flag = word.starts_with("--");
        const bool operand = word_number > 0 && !is_flag && !of_a_flag;
        of_a_flag = is_flag && takes_value(c, word.substr(2));
        if (!operand || n-- > 0) continue;
        return std::string(word.substr(0, word.find("…")));
    }
    return "an operand";
}

int run_command(const program_spec& program, const command_spec& c, const std::vector<std::string>& words) {
    for (const std::string& w : words) {
        if (w != "-h" && w != "--help") continue;
        print_command_help(program, c);
        return exit_ok;
    }
    const auto parsed = parse_arguments(c, words);
    if (!parsed) return report_error(parsed.error());
    const std::size_t n = parsed->positional.size();
    if (n < c.positional_least) return usage_error(operand_name(c, n) + " is missing", program.name + " " + c.synopsis);
    if (n > c.positional_most)
        return usage_error("`" + parsed->positional[c.positional_most] + "` is too much",
                           program.name + " " + c.synopsis);
    return c.run(*parsed);
}

void print_json(const error& e) {
    if (!json_wanted) return;
    std::cout << "{\"error\":{\"code\":" << quoted(info(e.code).name)
              << ",\"help\":" << quoted(e.help.empty() ? info(e.code).help : std::string_view(e.help))
              << ",\"message\":" << quoted(e.message.empty() ? info(e.code).text : std::string_view(e.message))
              << ",\"number\":" << quoted(code_number(e.code)) << ",\"where\":" << quoted(to_string(e.where))
              << "},\"version\":1}\n";
}

} // namespace

std::string arguments::text(const std::string& flag) const {
    if (const auto it = values.find(flag); it != values.end()) return it->second;
    const auto it = defaults.find(flag);
    return it == defaults.end() ? "" : it->second;
}

result<std::int64_t> arguments::integer(const std::string& flag, std::int64_t least, std::int64_t most) const {
    const std::string word = text(flag);
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), n);
    if (ec == std::errc() && end == word.data() + word.size() && n >= least && n <= most) return n;
    return fail(errc::usage_invalid, "--" + flag + " takes a whole number from " + std::to_string(least) + " to " +
                                         std::to_string(most) + ", not `" + word + "`");
}

int report_errors(std::vector<error> errors, const source_texts& texts) {
    sort_by_place(errors);
    std::cerr << render(errors, texts);
    if (!errors.empty()) print_json(errors.front());
    return exit_config;
}

int report_error(const error& e) {
    const error shown{e.code,
                      printable_lines(e.message, "  "),
                      {printable(e.where.file), e.where.line, e.where.column},
                      printable(e.help),
                      {}};
    std::cerr << to_string(shown) << "\n";
    print_json(e);
    return info(e.code).exit_code == 0 ? exit_failed : info(e.code).exit_code;
}

int usage_error(const std::string& message, const std::string& help) {
    return report_error({errc::usage_invalid, message, {}, help, {}});
}

int explain_code(const std::string& name_or_number) {
    // "av0310" and "310" are "AV0310".
    std::string number = name_or_number;
    if (number.size() == 6 && (number[0] == 'a' || number[0] == 'A') && (number[1] == 'v' || number[1] == 'V'))
        number.erase(0, 2);
    const bool digits = !number.empty() && number.size() <= 4 &&
                        std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
    const error_info* row = find_error(digits ? "AV" + std::string(4 - number.size(), '0') + number : name_or_number);
    if (!row) {
        std::vector<std::string> names;
        for (const error_info& r : error_table()) names.emplace_back(r.name);
        return usage_error("there is no error `" + name_or_number + "`", did_you_mean(name_or_number, names));
    }
    std::cout << code_number(row->code) << "  " << row->name << "\n"
              << row->text << "\n\nwhat helps   " << row->help << "\n";
    std::cout << "AOS code     " << row->aos_code << "\nretryable    " << (row->retryable ? "yes" : "no")
              << "\nexit code    " << row->exit_code << "\n";
    return exit_ok;
}

command_spec explain_command(const std::string& program) {
    return {"explain",
            "explain CODE",
            "Explains an error code.",
            {program + " explain AV0310", program + " explain policy.no_rule"},
            {},
            1,
            1,
            [](const arguments& a) { return explain_code(a.positional.front()); }};
}

command_spec completion_command(const std::string& program) {
    return {"completion",
            "completion bash|zsh|fish",
            "Prints a script that completes commands and options.",
            {program + " completion bash > ~/.local/share/bash-completion/completions/" + program},
            {},
            1,
            1,
            [](const arguments& a) {
                const std::string script = completion_script(*the_program, a.positional.front());
                if (script.empty())
                    return usage_error("there is no script for `" + a.positional.front() + "`",
                                       "name bash, zsh or fish");
                std::cout << script;
                return static_cast<int>(exit_ok);
            }};
}

namespace {

int run_words(const program_spec& program, const std::vector<std::string>& words) {
    if (words.empty() || words[0] == "-h" || words[0] == "--help" || words[0] == "help") {
        if (words.size() > 1)
            for (const command_spec& c : program.commands)
                if (c.name == words[1]) return print_command_help(program, c), exit_ok;
        print_program_help(program, !words.empty() && words[0] == "--help");
        return words.empty() ? exit_usage : exit_ok;
    }
    if (words[0] == "--version" || words[0] == "version") {
        std::cout << program.name << " " << version << "\n";
        return exit_ok;
    }
    for (const command_spec& c : program.commands) {
        if (c.name != words[0]) continue;
        try {
            return run_command(program, c, {words.begin() + 1, words.end()});
        } catch (const std::exception& e) {
            return report_error({errc::internal_bug, e.what(), {}, {}, {}});
        }
    }
    return usage_error("`" + program.name + "` has no command `" + words[0] + "`",
                       did_you_mean(words[0], command_names(program)));
}

} // namespace

int run_program(const program_spec& program, int argc, const char* const* argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    json_wanted = std::find(words.begin(), words.end(), "--json") != words.end();
    the_program = &program;
    const int code = run_words(program, words);
    std::cout.flush();
    if (std::cout) return code;
    json_wanted = false; // there is nowhere to write it
    return report_error({errc::io_write, "the output cannot be written", {}, {}, {}});
}

} // namespace aivp::tools
