#!/usr/bin/env python3
"""Keeps the outputs shown in README.md and docs/cli.md real.

A block begins with <!-- output: COMMAND --> and ends with <!-- end -->; the command's first word is looked up below the
folder of the binaries. <!-- output(3): COMMAND --> expects exit code 3. With --check, a block that differs from what the command prints now is an error.

    ci/readme.py build/release/tools            rewrites the blocks
    ci/readme.py --check build/release/tools    compares them
"""
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "docs/cli.md")
BLOCK = re.compile(r"(<!-- output(\((?P<code>\d+)\))?: (?P<command>.*?) -->\n).*?(<!-- end -->)", re.S)


def output_of(block: re.Match, tools: Path) -> str:
    command, code = block.group("command"), int(block.group("code") or 0)
    words = shlex.split(command)
    words[0] = str(tools / words[0] / words[0])
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        sys.exit(f"`{command}` ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
    return f"```\n$ {command}\n{done.stdout}{done.stderr}```\n"


def comparable(text: str) -> str:
    """Without what the speed of a machine and the version of its time zones decide."""
    text = re.sub(r"[\d.,]+ (s\b|tapes/s|engine inputs/s)", r"N \1", text)
    return re.sub(r"(snapshot #|digest     )[0-9a-f]+", r"\1HASH", text)


def main() -> int:
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    tools = Path(arguments[0]).resolve()
    wrong = 0
    for name in DOCUMENTS:
        document = ROOT / name
        before = document.read_text(encoding="utf-8")
        after = BLOCK.sub(lambda m: m.group(1) + output_of(m, tools) + m.group(m.lastindex), before)
        if "--check" not in sys.argv:
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
