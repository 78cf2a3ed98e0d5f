#!/usr/bin/env python3
"""Keeps the outputs shown in README.md real.

A block begins with <!-- output: COMMAND --> and ends with <!-- end -->; the command's first word is looked up below the
folder of the binaries. With --check, a block that differs from what the command prints now is an error.

    ci/readme.py build/release/tools            rewrites the blocks
    ci/readme.py --check build/release/tools    compares them
"""
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- output: (?P<command>.*?) -->\n).*?(<!-- end -->)", re.S)


def output_of(command: str, tools: Path) -> str:
    words = shlex.split(command)
    words[0] = str(tools / words[0] / words[0])
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"`{command}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return f"```\n$ {command}\n{done.stdout}```\n"


def comparable(text: str) -> str:
    """Without what the speed of a machine decides."""
    return re.sub(r"[\d.,]+ (s\b|tapes/s|engine inputs/s)", r"N \1", text)


def main() -> int:
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    tools = Path(arguments[0]).resolve()
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    after = BLOCK.sub(lambda m: m.group(1) + output_of(m.group("command"), tools) + m.group(3), before)
    if "--check" not in sys.argv:
        readme.write_text(after, encoding="utf-8")
        return 0
    if comparable(before) != comparable(after):
        for old, new in zip(comparable(before).splitlines(), comparable(after).splitlines()):
            if old != new:
                print(f"README.md shows  {old}\nthe command says {new}")
                break
        print("repeat: ci/readme.py " + arguments[0])
        return 1
    return 0


sys.exit(main())
