#!/usr/bin/env python3
"""Checks every #include of the project against ci/levels.txt and prints offending lines and cycles."""
import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SCANNED = ("include/aivp", "runtime", "sim", "mocks", "testing", "tools", "tests", "ci")
SUFFIXES = {".hpp", ".cpp", ".def", ".ipp", ".h"}


def read_table(path):
    groups, table = {}, {}
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        if line.startswith("@bodies:"):
            for name in sorted(expand(line[len("@bodies:"):].split(), groups, number)):
                table[f"runtime/{name}"] = table[name] | {name}
                groups.setdefault("@bodies", set()).add(f"runtime/{name}")
        elif line.startswith("@"):
            name, _, members = line.partition("=")
            groups[name.strip()] = expand(members.split(), groups, number)
        elif ":" in line:
            name, _, members = line.partition(":")
            table[name.strip()] = expand(members.split(), groups, number)
        else:
            sys.exit(f"{path}:{number}: neither 'module: targets' nor '@group = modules'")
    for name, targets in table.items():
        for target in targets - {"*"}:
            if target not in table:
                sys.exit(f"{path}: {name} names {target}, which has no line of its own")
    return table


def expand(words, groups, number):
    result = set()
    for word in words:
        if word.startswith("@"):
            if word not in groups:
                sys.exit(f"levels.txt:{number}: {word} is not defined above")
            result |= groups[word]
        else:
            result.add(word)
    return result


def longest_prefix(path, table):
    parts = path.split("/")
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in table:
            return name
    return None


def module_of(path, table):
    """The module of a path relative to the root, or None when the table does not know it."""
    if path.startswith("include/aivp/"):
        rest = path[len("include/aivp/"):]
        return longest_prefix(rest.rsplit("/", 1)[0], table) if "/" in rest else "root"
    return longest_prefix(path, table)


def target_of(root, file, quote, name):
    """The included file relative to the root, or None when it is not one of ours."""
    if quote == '"' and (file.parent / name).is_file():
        return (file.parent / name).resolve().relative_to(root).as_posix()
    if name.startswith("aivp/"):
        return "include/" + name
    if name.split("/")[0] in ("runtime", "sim", "mocks", "testing", "tools", "tests") and "/" in name:
        return name
    return None


def find_cycle(graph):
    state, stack = {}, []

    def visit(node):
        state[node] = 1
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if state.get(target) == 1:
                return stack[stack.index(target):] + [target]
            if target not in state and (cycle := visit(target)):
                return cycle
        state[node] = 2
        stack.pop()
        return None

    for node in sorted(graph):
        if node not in state and (cycle := visit(node)):
            return cycle
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--root", type=pathlib.Path, default=here.parent)
    parser.add_argument("--levels", type=pathlib.Path, default=here / "levels.txt")
    options = parser.parse_args()
    root = options.root.resolve()
    table = read_table(options.levels)

    problems, graph, files = [], {}, 0
    if cycle := find_cycle({name: targets - {"*", name} for name, targets in table.items()}):
        problems.append(f"{options.levels.name}: the table allows a cycle: {' -> '.join(cycle)}")
    for top in SCANNED:
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SUFFIXES or not file.is_file():
                continue
            files += 1
            path = file.relative_to(root).as_posix()
            module = module_of(path, table)
            if module is None:
                problems.append(f"{path}: its folder has no line in ci/levels.txt")
                continue
            allowed = table[module]
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                included = found and target_of(root, file, *found.groups())
                if not included:
                    continue
                target = module_of(included, table)
                if target == module or target == "root" or "*" in allowed:
                    continue
                if target is None or target not in allowed:
                    problems.append(f"{path}:{number}: {line.strip()}\n    {module} must not include "
                                    f"{target or included}; allowed: {' '.join(sorted(allowed)) or 'nothing but itself'}")
                if target is not None:
                    graph.setdefault(module, set()).add(target)
    if cycle := find_cycle(graph):
        problems.append(f"cycle: {' -> '.join(cycle)}")
    print("\n".join(problems) if problems else f"{files} files keep to the {len(table)} lines of {options.levels.name}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
