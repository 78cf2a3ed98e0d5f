#include "tools/common/completion.hpp"

#include <algorithm>

namespace aivp::tools {

namespace {

/// A word of a POSIX shell.
std::string shell_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
    return out + "'";
}

std::string fish_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return out + "'";
}

/// "aivp-sim" -> "_aivp_sim".
std::string function_name(const program_spec& program) {
    std::string out = "_" + program.name;
    std::replace(out.begin(), out.end(), '-', '_');
    return out;
}

std::string for_bash(const program_spec& program) {
    std::string names, cases;
    for (const command_spec& c : program.commands) {
        names += (names.empty() ? "" : " ") + c.name;
        std::string flags = "--help";
        for (const flag_spec& f : c.flags) flags += " --" + f.name;
        cases += "        " + c.name + ") options=" + shell_quoted(flags) + " ;;\n";
    }
    return function_name(program) + "() {\n    local word=\"${COMP_WORDS[COMP_CWORD]}\" options=''\n" +
           "    case \"${COMP_WORDS[1]}\" in\n" + cases + "    esac\n" +
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W " + shell_quoted(names) +
           " -- \"$word\"))\n" +
           "    elif [ \"${word#-}\" != \"$word\" ]; then COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n" +
           "    else mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); fi\n}\ncomplete -o filenames -F " +
           function_name(program) + " " + program.name + "\n";
}

/// For _arguments, where brackets and colons mean something.
std::string zsh_escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string for_zsh(const program_spec& program) {
    std::string names, cases;
    for (const command_spec& c : program.commands) {
        names += " " + shell_quoted(c.name + ":" + c.summary);
        cases += "        " + c.name + ") _arguments";
        for (const flag_spec& f : c.flags)
            cases += " " + shell_quoted("--" + f.name + "[" + zsh_escaped(f.help) + "]" +
                                        (f.value_name.empty() ? "" : ":" + zsh_escaped(f.value_name) + ":_files"));
        cases += " '*:file:_files' ;;\n";
    }
    return "#compdef " + program.name + "\n" + function_name(program) +
           "() {\n    if (( CURRENT == 2 )); then\n        local -a commands=(" + names.substr(1) +
           ")\n        _describe command commands\n        return\n    fi\n    case ${words[2]} in\n" + cases +
           "    esac\n}\ncompdef " + function_name(program) + " " + program.name + "\n";
}

std::string for_fish(const program_spec& program) {
    const std::string start = "complete -c " + program.name + " -n ";
    std::string out;
    for (const command_spec& c : program.commands) {
        out += start + "__fish_use_subcommand -f -a " + c.name + " -d " + fish_quoted(c.summary) + "\n";
        for (const flag_spec& f : c.flags)
            out += start + "'__fish_seen_subcommand_from " + c.name + "' -l " + f.name +
                   (f.value_name.empty() ? "" : " -r") + " -d " + fish_quoted(f.help) + "\n";
    }
    return out;
}

} // namespace

std::string completion_script(const program_spec& program, std::string_view shell) {
    if (shell == "bash") return for_bash(program);
    if (shell == "zsh") return for_zsh(program);
    if (shell == "fish") return for_fish(program);
    return "";
}

} // namespace aivp::tools
