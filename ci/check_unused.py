#!/usr/bin/env python3
"""Reports .cpp files and test scripts that no CMakeLists.txt lists, and public headers that no module collects."""
import argparse
import fnmatch
import pathlib
import re
import sys

FOLDERS = ("runtime", "sim", "mocks", "testing", "tools", "tests", "ci", "cmake")
NOT_TARGETS = ("tests/consumer/",)  # a project of its own


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root.resolve()

    lists = {}  # folder -> words of its CMakeLists.txt or *.cmake
    for folder in ("", *FOLDERS):
        base = root / folder
        found = [base / "CMakeLists.txt"] if not folder else [*base.rglob("CMakeLists.txt"), *base.rglob("*.cmake")]
        for file in found:
            if file.is_file():
                text = re.sub(r"#.*", "", file.read_text())
                text = text.replace("${PROJECT_SOURCE_DIR}/", "/").replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
                lists.setdefault(file.parent, set()).update(re.split(r'[\s()"]+', text))

    problems = []
    for folder in FOLDERS:
        for file in sorted([*(root / folder).rglob("*.cpp"), *(root / folder).rglob("test_*.py")]):
            path = file.relative_to(root).as_posix()
            if path.startswith(NOT_TARGETS):
                continue
            if not any(listed(word, file, owner, root) for owner, words in lists.items() for word in words):
                problems.append(f"{path}: no CMakeLists.txt lists it")

    collected = {word for words in lists.values() for word in words if word.startswith("include/aivp")}
    for file in sorted((root / "include/aivp").rglob("*.hpp")):
        path = file.relative_to(root).as_posix()
        if path.count("/") > 2 and not any(path.startswith(folder + "/") for folder in collected):
            problems.append(f"{path}: no aivp_module(... HEADERS ...) collects its folder")
    print("\n".join(problems) if problems else "every file belongs to a target")
    return 1 if problems else 0


def listed(word, file, owner, root):
    """Does this word of the list in folder `owner` name the file, directly or as a glob?"""
    if not word.endswith(file.suffix):
        return False
    if word.startswith("/"):
        return fnmatch.fnmatch(file.relative_to(root).as_posix(), word[1:])
    return file.is_relative_to(owner) and fnmatch.fnmatch(file.relative_to(owner).as_posix(), word)


if __name__ == "__main__":
    sys.exit(main())
