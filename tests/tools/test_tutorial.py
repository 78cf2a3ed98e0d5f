#!/usr/bin/env python3
"""docs/tutorial-faults.md, followed from its first line to its last in a folder of its own: every command is run, every output
and file that it shows is compared.

A block begins with <!-- output: COMMAND -->, or <!-- output(10): COMMAND --> when the command ends with exit code 10. A part of
a file stands after <!-- part: FILE -->, a change to one after <!-- change: FILE -->: lines with - are replaced by those with +.
Each of them ends with <!-- end -->. With --write the outputs are taken from what the commands print now.
"""
import re
import subprocess
import sys

from tools import BINARIES, ROOT, ToolTest, main

PAGE = ROOT / "docs/tutorial-faults.md"
BLOCK = re.compile(r"<!-- (?P<kind>output|part|change)(\((?P<code>\d+)\))?: (?P<what>[^\n]*) -->\n```\w*\n(?P<text>.*?)```\n<!-- end -->", re.S)


def comparable(text):
    """Without what the speed of a machine and the version of aivp decide."""
    text = re.sub(r"[\d.,]+ (s\b|a second)", r"N \1", text)
    return re.sub(r'aivp: "[\d.]+"', "aivp: VERSION", text)


def printed(command, code, folder):
    """What the command prints. The first word is a program of ours, or one of those that every system has."""
    words = command.split()
    assert words[0] in BINARIES or words[0] in ("cp", "cat"), command
    words[0] = BINARIES.get(words[0], words[0])
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=500)
    assert done.returncode == code, f"`{command}` ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def change(file, text):
    old = "".join(line[1:] for line in text.splitlines(True) if line[0] in "- ")
    new = "".join(line[1:] for line in text.splitlines(True) if line[0] in "+ ")
    before = file.read_text(encoding="utf-8")
    assert before.count(old) == 1, f"{file.name} has not these lines once:\n{old}"
    file.write_text(before.replace(old, new), encoding="utf-8")


class Tutorial(ToolTest):
    def setUp(self):
        super().setUp()
        (self.folder / "fixtures").symlink_to(ROOT / "fixtures")

    def follow(self):
        """For each output of the page, in its order: the match and what the command prints."""
        for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
            if block["kind"] == "output":
                yield block, printed(block["what"], int(block["code"] or 0), self.folder)
            elif block["kind"] == "part":
                self.assertIn(block["text"], (self.folder / block["what"]).read_text(encoding="utf-8"), block["what"])
            else:
                change(self.folder / block["what"], block["text"])

    def test_every_command_says_what_the_page_shows(self):
        text = PAGE.read_text(encoding="utf-8")
        self.assertEqual(len(BLOCK.findall(text)), text.count("<!-- end -->"))
        self.assertEqual(len(BLOCK.findall(text)), len(re.findall(r"^<!-- (?:output|part|change)", text, re.M)))
        for block, output in self.follow():
            with self.subTest(block["what"]):
                self.assertEqual(comparable(block["text"]), comparable(f"$ {block['what']}\n{output}"))

    def test_the_same_search_fails_before_the_change_and_passes_after_it(self):
        blocks = list(BLOCK.finditer(PAGE.read_text(encoding="utf-8")))
        mended = [block["kind"] for block in blocks].index("change")
        before, after = ([b for b in part if b["what"].startswith("aivp-sim explore")] for part in (blocks[:mended], blocks[mended:]))
        self.assertEqual([(b["what"], b["code"]) for b in before], [(after[0]["what"], "10")])
        self.assertEqual({b["code"] for b in after}, {None})


def write():
    test = Tutorial("follow")
    test.setUp()
    text = PAGE.read_text(encoding="utf-8")
    for block, output in test.follow():
        old, shown = block.group(0), f"$ {block['what']}\n{output}"
        at = block.start("text") - block.start()
        text = text.replace(old, old[:at] + shown + old[at + len(block["text"]):], 1)
    PAGE.write_text(text, encoding="utf-8")
    test.doCleanups()


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        main()
