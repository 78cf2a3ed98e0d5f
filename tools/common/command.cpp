#include "tools/common/command.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cstdio>
#include <iostream>

#include "aivp/base/nearest.hpp"
#include "aivp/version.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

namespace po = boost::program_options;

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
        std::cout << "  " << padded(left, 22) << f.help
                  << (f.default_text.empty() ? "" : " (default " + f.default_text + ")") << "\n";
    }
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

int run_command(const program_spec& program, const command_spec& c, const std::vector<std::string>& words) {
    for (const std::string& w : words) {
        if (w != "-h" && w != "--help") continue;
        print_command_help(program, c);
        return exit_ok;
    }
    const auto parsed = parse_arguments(c, words);
    if (!parsed) return report_error(parsed.error());
    const std::size_t n = parsed->positional.size();
    if (n < c.positional_least || n > c.positional_most)
        return usage_error(n < c.positional_least ? "something is missing" : "that is too much",
                           program.name + " " + c.synopsis);
    return c.run(*parsed);
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

int report_error(const error& e) {
    std::cerr << to_string(e) << "\n";
    return info(e.code).exit_code == 0 ? exit_failed : info(e.code).exit_code;
}

int usage_error(const std::string& message, const std::string& help) {
    return report_error({errc::usage_invalid, message, {}, help, {}});
}

int explain_code(const std::string& name_or_number) {
    const error_info* row = find_error(name_or_number);
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

int run_program(const program_spec& program, int argc, const char* const* argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
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

} // namespace aivp::tools
