#!/usr/bin/env python3
"""Banned words and forbidden includes in the deterministic part of the project, each with what to use instead.

A line that must use one anyway says so: // lint: allow(word) reason
"""
import argparse
import pathlib
import re
import sys

PUBLIC = ("include/aivp/",)
CORE = ("include/aivp/", "runtime/base/", "runtime/engine/", "runtime/schedule/", "runtime/schema/", "runtime/tape/")
ORDERED = ("include/aivp/", "runtime/engine/")
DECIDING = tuple(f"include/aivp/{name}/" for name in ("engine", "kernel", "budget", "policy", "agent", "skill"))
# Property generators and fixtures are test code, although their headers are installed.
EXEMPT = ("include/aivp/testing/",)

NO_SIM = "the product does not know where it runs: put the difference behind a port"
NO_CLOCK = "time arrives in the input's envelope, or through the clock port"
NO_CHANCE = "draw from a keyed stream: aivp/base/random.hpp"
NO_THREADS = "the engine is single-threaded; concurrency belongs to the hosts"
NO_ORDER = "iteration order is not deterministic: std::map, or a sorted vector"
NO_LOCALE = "the core does not depend on the process's locale: std::to_chars, std::from_chars, fmt"
NO_HEAVY = "heavy header: move the use into a .cpp under runtime/"

# word, regular expression, folders, what to do instead
WORDS = [
    ("is_simulated", r"\bis_?simulat(ed|ion)\b", CORE, NO_SIM),
    ("if (sim", r"\bif\s*\(\s*!?\s*sim(ulat\w*)?\b", CORE, NO_SIM),
    ("#ifdef SIM", r"#\s*(ifdef|ifndef|if)\b.*\b(AIVP_)?SIM", CORE, NO_SIM),
    ("random_device", r"\brandom_device\b", CORE, NO_CHANCE),
    ("rand", r"(?<![\w.:>])(std::)?s?rand\s*\(", CORE, NO_CHANCE),
    ("mt19937", r"\bmt19937(_64)?\b", CORE, NO_CHANCE),
    ("system_clock", r"\bsystem_clock\b", CORE, NO_CLOCK),
    ("steady_clock", r"\bsteady_clock\b", CORE, NO_CLOCK),
    ("high_resolution_clock", r"\bhigh_resolution_clock\b", CORE, NO_CLOCK),
    ("gettimeofday", r"\bgettimeofday\b", CORE, NO_CLOCK),
    ("clock_gettime", r"\bclock_gettime\b", CORE, NO_CLOCK),
    ("thread", r"\bstd::j?thread\b", CORE, NO_THREADS),
    ("async", r"\bstd::async\b", CORE, NO_THREADS),
    ("unordered_map", r"\bunordered_(multi)?map\b", ORDERED, NO_ORDER),
    ("unordered_set", r"\bunordered_(multi)?set\b", ORDERED, NO_ORDER),
    ("locale", r"\bsetlocale\b|\bstd::locale\b", CORE, NO_LOCALE),
    ("getenv", r"\bgetenv\b", CORE, "configuration arrives as a value from the host"),
    ("float", r"\b(float|double)\b", DECIDING, "no floating point in decisions: integer micro-USD, microseconds, per mille"),
]
INCLUDES = [
    (name, r'^\s*#\s*include\s*[<"]' + pattern + r'[>"]', PUBLIC, instead)
    for name, pattern, instead in [
        ("iostream", r"(iostream|fstream)", NO_HEAVY),
        ("regex", r"regex", NO_HEAVY),
        ("filesystem", r"filesystem", NO_HEAVY),
        ("json.hpp", r"nlohmann/json\.hpp", "nlohmann/json_fwd.hpp, or a payload; parse in a .cpp"),
        ("sqlite3.h", r"sqlite3\.h", NO_HEAVY),
        ("yaml-cpp", r"yaml-cpp/[^>\"]*", NO_HEAVY),
        ("fmt", r"fmt/[^>\"]*", NO_HEAVY),
        ("date/tz.h", r"date/[^>\"]*", NO_HEAVY),
        ("re2", r"re2/[^>\"]*", NO_HEAVY),
        ("openssl", r"openssl/[^>\"]*", NO_HEAVY),
        ("boost", r"boost/(asio|beast|program_options|regex)[^>\"]*", NO_HEAVY),
    ]
]
ALLOW = re.compile(r"//\s*lint:\s*allow\(([^)]*)\)\s*(\S.*)?$")


def strip_comment(line):
    """Cuts a // comment that does not start inside a string."""
    inside, escaped = False, False
    for index, char in enumerate(line):
        if escaped:
            escaped = False
        elif char == "\\" and inside:
            escaped = True
        elif char == '"':
            inside = not inside
        elif char == "/" and not inside and line.startswith("//", index):
            return line[:index]
    return line


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--only", choices=("words", "includes"), help="check one of the two tables")
    options = parser.parse_args()
    rules = [*(WORDS if options.only != "includes" else []), *(INCLUDES if options.only != "words" else [])]
    rules = [(word, re.compile(pattern), folders, instead) for word, pattern, folders, instead in rules]

    problems, files = [], 0
    for top in ("include/aivp", "runtime"):
        for file in sorted((options.root / top).rglob("*.[hcdi]pp")) + sorted((options.root / top).rglob("*.def")):
            path = file.relative_to(options.root).as_posix()
            active = [rule for rule in rules if path.startswith(rule[2])]
            if not active or path.startswith(EXEMPT):
                continue
            files += 1
            for number, raw in enumerate(file.read_text(errors="replace").splitlines(), 1):
                line = strip_comment(raw)
                for word, pattern, _, instead in active:
                    if not pattern.search(line):
                        continue
                    allowed = ALLOW.search(raw)
                    if allowed and allowed.group(1) == word and allowed.group(2):
                        continue
                    hint = "an allowance needs a reason" if allowed and allowed.group(1) == word else instead
                    problems.append(f"{path}:{number}: '{word}': {hint}\n    {raw.strip()}")
    print("\n".join(problems) if problems else f"{files} files, {len(rules)} rules")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
