#!/usr/bin/env python3
"""Keeps the outputs and pictures shown in README.md and docs/cli.md real.

A block begins with <!-- output: COMMAND --> and ends with <!-- end -->; the command's first word is looked up below the
folder of the binaries. <!-- output(3): COMMAND --> expects exit code 3. An image between <!-- picture: COMMAND --> and
<!-- end --> is what ci/picture.py draws of the command's output. With --check, a block or picture that differs from what the
command makes now is an error.

    ci/readme.py build/release/tools            rewrites the blocks and pictures
    ci/readme.py --check build/release/tools    compares them
"""
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import picture

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "docs/cli.md")
BLOCK = re.compile(r"(<!-- output(\((?P<code>\d+)\))?: (?P<command>.*?) -->\n).*?(<!-- end -->)", re.S)
PICTURE = re.compile(r"<!-- picture: (?P<command>.*?) -->\n!\[[^\]]+\]\((?P<file>[^)]+)\)\n<!-- end -->")


def output_of(command: str, code: int, tools: Path) -> str:
    words = shlex.split(command)
    words[0] = str(tools / words[0] / words[0])
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        sys.exit(f"`{command}` ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def block_of(block: re.Match, tools: Path) -> str:
    command = block.group("command")
    return f"```\n$ {command}\n{output_of(command, int(block.group('code') or 0), tools)}```\n"


def wrong_pictures(document: Path, tools: Path, check: bool) -> int:
    """Draws the document's pictures again; with `check`, counts those that are drawn otherwise and leaves them alone."""
    found = list(PICTURE.finditer(text := document.read_text(encoding="utf-8")))
    if len(found) != text.count("<!-- picture:"):
        sys.exit(f"{document.name}: after <!-- picture: COMMAND --> come one line ![text](file) and <!-- end -->")
    wrong = 0
    for match in found:
        file = document.parent / match.group("file")
        drawn = picture.timeline(json.loads(output_of(match.group("command"), 0, tools)))
        if not check:
            file.write_text(drawn, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != drawn:
            wrong += 1
            print(f"{file.relative_to(ROOT)} is not what `{match.group('command')}` draws")
    return wrong


def comparable(text: str) -> str:
    """Without what the speed of a machine and the version of its time zones decide."""
    text = re.sub(r"[\d.,]+ (s\b|tapes/s|engine inputs/s|CPU-s|a second)", r"N \1", text)
    text = re.sub(r"[\d,]+ always held · [\d,]+ of [\d,]+ sometimes reached.*", "N always held · N of N reached", text)
    return re.sub(r"(snapshot #|digest     )[0-9a-f]+", r"\1HASH", text)


def main() -> int:
    check = "--check" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    tools = Path(arguments[0]).resolve()
    wrong = 0
    for name in DOCUMENTS:
        document = ROOT / name
        wrong += wrong_pictures(document, tools, check)
        before = document.read_text(encoding="utf-8")
        after = BLOCK.sub(lambda m: m.group(1) + block_of(m, tools) + m.group(m.lastindex), before)
        if not check:
            document.write_text(after, encoding="utf-8")
        elif comparable(before) != comparable(after):
            wrong += 1
            for old, new in zip(comparable(before).splitlines(), comparable(after).splitlines()):
                if old != new:
                    print(f"{name} shows  {old}\nthe command says  {new}")
                    break
    if wrong:
        print("repeat: ci/readme.py " + arguments[0])
    return 1 if wrong else 0


sys.exit(main())
