#!/usr/bin/env python3
"""Planted bugs. Copies the tree and writes every bug of bugs/*.toml into the copy, each behind a switch that the program
reads when it starts: AIVP_PLANT=NAME, or several with commas between them. One build, one bug a process. The product
itself knows nothing of them. Beside the bugs stand unrelated commits that add a random draw: [[draw]] of bugs/draws.toml.

  plant.py --check            every entry is complete, and its text stands where it should
  plant.py --list             the bugs, a line each
  plant.py FOLDER             makes or refreshes the copy; files that are the same are left alone, so a build stays warm
"""
import argparse
import dataclasses
import hashlib
import json
import pathlib
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUGS = HERE / "bugs"
HEADER = "include/aivp/base/planted.hpp"
MANIFEST = "planted.json"
FORMS = ("expression", "statement", "raw")
KILLERS = ("run", "crash", "replay", "explore", "test")
EDIT_KEYS = {"file", "form", "find", "of", "nth", "replace", "include"}
KEYS = EDIT_KEYS | {"name", "says", "also", "killed_by", "survives", "equivalent", "canary"}
DRAW_KEYS = EDIT_KEYS | {"name", "says", "moves"}
TOGETHER_MAX = 8

HEADER_TEXT = """// Written by tests/simbugs/plant.py: exists in copies with planted bugs only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace aivp {

namespace planted_detail {
struct planted_entry {
    const char* name = nullptr;
    int length = 0;
    std::uint64_t hash = 0; ///< the first 64 bits of FNV-1a
};
struct planted_entries {
    planted_entry all[TOGETHER];
    std::size_t count = 0;
};
inline const planted_entries active = [] {
    planted_entries out;
    const char* at = std::getenv("AIVP_PLANT");
    while (at && *at != 0) {
        planted_entry e{at, 0, 0xcbf29ce484222325u};
        for (; *at != 0 && *at != ','; ++at, ++e.length) e.hash = (e.hash ^ static_cast<unsigned char>(*at)) * 0x100000001b3u;
        if (out.count == sizeof(out.all) / sizeof(out.all[0])) std::abort();
        out.all[out.count++] = e;
        if (*at == ',') ++at;
    }
    return out;
}();
inline std::atomic<bool> reached[TOGETHER] = {};
} // namespace planted_detail

/// Is this one of the entries of this process? Says so once on stderr when its place is reached.
inline bool planted(std::uint64_t bug) {
    using namespace planted_detail;
    for (std::size_t i = 0; i < active.count; ++i) {
        if (active.all[i].hash != bug) continue;
        if (!reached[i].load(std::memory_order_relaxed) && !reached[i].exchange(true))
            std::fprintf(stderr, "planted: reached %.*s\\n", active.all[i].length, active.all[i].name);
        return true;
    }
    return false;
}

} // namespace aivp
""".replace("TOGETHER", str(TOGETHER_MAX))


class CatalogueError(Exception):
    pass


@dataclasses.dataclass
class Edit:
    file: str
    form: str
    find: str
    replace: str
    of: int  # the text stands there so many times
    nth: int  # and this is the one, from 1
    include: str = ""  # a header that the replacement needs


@dataclasses.dataclass
class Bug:
    name: str
    area: str
    says: str
    edits: list
    killed_by: list
    survives: str = ""
    equivalent: str = ""
    canary: dict | None = None
    where: str = ""
    draw: bool = False  # no bug: an unrelated commit that adds a random draw
    moves: str = ""  # the values of others that such a draw shifts


@dataclasses.dataclass
class Span:
    begin: int
    end: int
    edit: Edit
    bug: Bug


def hash_of(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def read_edit(entry, where, keys=frozenset(KEYS)):
    unknown = set(entry) - keys
    if unknown:
        raise CatalogueError(f"{where}: unknown keys: {', '.join(sorted(unknown))}")
    for key in ("file", "find", "replace"):
        if not isinstance(entry.get(key), str) or (key != "replace" and not entry[key].strip()):
            raise CatalogueError(f"{where}: `{key}` is missing")
    form = entry.get("form", "expression")
    if form not in FORMS:
        raise CatalogueError(f"{where}: form `{form}`; one of {', '.join(FORMS)}")
    of, nth = entry.get("of", 1), entry.get("nth", 1)
    if not 1 <= nth <= of:
        raise CatalogueError(f"{where}: nth is {nth} of {of}")
    if form == "raw" and "PLANTED" not in entry["replace"]:
        raise CatalogueError(f"{where}: a raw replacement says where PLANTED decides")
    return Edit(entry["file"], form, entry["find"].strip("\n"), entry["replace"].strip("\n"), of, nth, entry.get("include", ""))


def read_bug(entry, area, where):
    name = entry.get("name", "")
    where = f"{where}: {name or 'an entry without a name'}"
    if not name or not entry.get("says"):
        raise CatalogueError(f"{where}: `name` and `says` are required")
    killed_by = entry.get("killed_by", [])
    for killer in killed_by:
        if killer.split(" ")[0] not in KILLERS or " " not in killer:
            raise CatalogueError(f"{where}: killer `{killer}`; begins with one of {', '.join(KILLERS)}")
    reasons = [key for key in ("survives", "equivalent") if entry.get(key)]
    if not killed_by and not reasons and "canary" not in entry:
        raise CatalogueError(f"{where}: neither `killed_by` nor a reason why it lives on")
    edits = [read_edit(entry, where)]
    for number, more in enumerate(entry.get("also", []), 2):
        if set(more) - EDIT_KEYS:
            raise CatalogueError(f"{where}: unknown keys in edit {number}")
        edits.append(read_edit({"file": entry["file"]} | more, f"{where}, edit {number}"))
    return Bug(name, area, " ".join(entry["says"].split()), edits, killed_by, entry.get("survives", ""),
               entry.get("equivalent", ""), entry.get("canary"), where)


def read_draw(entry, area, where):
    name = entry.get("name", "")
    where = f"{where}: {name or 'an entry without a name'}"
    if not name.startswith("draw.") or not entry.get("says"):
        raise CatalogueError(f"{where}: `name`, which begins with draw., and `says` are required")
    edits = [read_edit(entry, where, DRAW_KEYS)]
    return Bug(name, area, " ".join(entry["says"].split()), edits, [], where=where, draw=True, moves=entry.get("moves", ""))


def read_catalogue(folder=BUGS):
    """Bugs and draws, in the order of the files."""
    bugs, names = [], {}
    for path in sorted(pathlib.Path(folder).glob("*.toml")):
        try:
            document = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as broken:
            raise CatalogueError(f"{path.name}: {broken}") from None
        if set(document) - {"bug", "draw"}:
            raise CatalogueError(f"{path.name}: a file holds [[bug]] and [[draw]] entries only")
        for read, entry in [(read_bug, e) for e in document.get("bug", [])] + [(read_draw, e) for e in document.get("draw", [])]:
            bug = read(entry, path.stem, path.name)
            if "," in bug.name:
                raise CatalogueError(f"{bug.where}: a name has no comma")
            if bug.name in names:
                raise CatalogueError(f"{bug.where}: stands in {names[bug.name]} already")
            names[bug.name] = path.name
            bugs.append(bug)
    if not bugs:
        raise CatalogueError(f"no bugs in {folder}")
    return bugs


def find_spans(bugs, root):
    """By file: where each edit goes, in order. Raises for text that is not there, and for edits that cross each other."""
    texts, spans, wrong = {}, {}, []
    for bug in bugs:
        for edit in bug.edits:
            path = pathlib.Path(root) / edit.file
            if edit.file not in texts:
                texts[edit.file] = path.read_text() if path.is_file() else None
            text = texts[edit.file]
            if text is None:
                wrong.append(f"{bug.where}: there is no file {edit.file}")
                continue
            places, at = [], text.find(edit.find)
            while at >= 0:
                places.append(at)
                at = text.find(edit.find, at + 1)
            if len(places) != edit.of:
                wrong.append(f"{bug.where}: `find` stands {len(places)} times in {edit.file}, not {edit.of}: "
                             f"{edit.find.splitlines()[0].strip()} …")
                continue
            begin = places[edit.nth - 1]
            spans.setdefault(edit.file, []).append(Span(begin, begin + len(edit.find), edit, bug))
    for file, list_of in spans.items():
        list_of.sort(key=lambda s: (s.begin, s.end, s.bug.name))
        for one, two in zip(list_of, list_of[1:]):
            same = (one.begin, one.end) == (two.begin, two.end)
            if same and (one.edit.form != two.edit.form or one.edit.form == "raw"):
                wrong.append(f"{two.bug.where}: {one.bug.name} changes the same text of {file} in another form")
            elif not same and two.begin < one.end:
                wrong.append(f"{two.bug.where}: overlaps {one.bug.name} in {file}; make one `find` end where the other begins, "
                             "or give both the same `find`")
    if wrong:
        raise CatalogueError("\n".join(wrong))
    return spans


def switch(bug):
    return f"::aivp::planted(0x{hash_of(bug.name):016x}u /* {bug.name} */)"


def planted_text(group):
    """What stands in the place of one piece of text that one or more bugs change."""
    form, original = group[0].edit.form, group[0].edit.find
    if form == "raw":
        return group[0].edit.replace.replace("PLANTED", switch(group[0].bug))
    if form == "expression":
        return "(" + "".join(f"{switch(s.bug)} ? ({s.edit.replace}) : " for s in group) + f"({original}))"
    return "".join(f"if ({switch(s.bug)}) {{ {s.edit.replace} }} else " for s in group) + f"{{ {original} }}"


def planted_file(text, spans):
    groups = {}
    for span in spans:
        groups.setdefault((span.begin, span.end), []).append(span)
    for (begin, end), group in sorted(groups.items(), reverse=True):
        text = text[:begin] + planted_text(group) + text[end:]
    includes = {HEADER.removeprefix("include/")} | {s.edit.include for s in spans if s.edit.include}
    return "".join(f'#include "{header}"\n' for header in sorted(includes)) + text


def fingerprint(bugs):
    """Equal when a build of the one catalogue is a build of the other."""
    material = json.dumps([[b.name, [dataclasses.astuple(e) for e in b.edits]] for b in bugs])
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def tree_files(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-zco", "--exclude-standard"], capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.decode().split("\0")
    else:
        names = [str(p.relative_to(root)) for p in pathlib.Path(root).rglob("*") if p.is_file()]
    return sorted(n for n in names if n and not n.startswith(("build", ".git/")) and (pathlib.Path(root) / n).is_file())


def plant(bugs, root, out):
    root, out = pathlib.Path(root), pathlib.Path(out)
    spans = find_spans(bugs, root)
    wanted = {}
    for name in tree_files(root):
        wanted[name] = (root / name).read_bytes()
    for name, list_of in spans.items():
        wanted[name] = planted_file(wanted[name].decode(), list_of).encode()
    wanted[HEADER] = HEADER_TEXT.encode()
    manifest = {"fingerprint": fingerprint(bugs), "bugs": [b.name for b in bugs]}
    wanted[MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    before = out / MANIFEST
    if out.exists() and any(out.iterdir()) and not before.exists():
        raise CatalogueError(f"{out} is no folder of planted bugs")
    written = 0
    for name, content in wanted.items():
        path = out / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod((root / name).stat().st_mode & 0o777 if (root / name).exists() else 0o644)
        written += 1
    for path in out.rglob("*"):
        if path.is_file() and str(path.relative_to(out)) not in wanted:
            path.unlink()
    return len(spans), written


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--root", default=str(ROOT), help="the tree that is copied")
    parser.add_argument("--bugs", default=str(BUGS), help="the folder of the catalogue")
    options = parser.parse_args()
    try:
        bugs = read_catalogue(options.bugs)
        if options.list:
            for bug in bugs:
                print(f"{bug.area:14} {bug.name:40} {bug.says}")
        elif options.check:
            spans = find_spans(bugs, options.root)
            for bug in bugs:
                for killer in bug.killed_by:
                    kind, path = killer.split(" ")[:2]
                    if kind != "test" and not (pathlib.Path(options.root) / path).exists():
                        raise CatalogueError(f"{bug.where}: there is no {path}")
            draws = sum(b.draw for b in bugs)
            print(f"{len(bugs) - draws} planted bugs and {draws} unrelated draws in {len(spans)} files")
        elif options.folder:
            files, written = plant(bugs, options.root, options.folder)
            print(f"{len(bugs)} entries in {files} files of {options.folder}, {written} files written")
        else:
            parser.error("a folder, --check or --list")
    except CatalogueError as wrong:
        print(f"plant.py: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
