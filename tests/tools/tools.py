"""What the tests of the binaries share: running a command, and looking at what it printed."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARIES = {
    "aivp": os.environ.get("AIVP", str(ROOT / "build/dev/tools/aivp/aivp")),
    "aivpd": os.environ.get("AIVPD", str(ROOT / "build/dev/tools/aivpd/aivpd")),
    "aivp-sim": os.environ.get("AIVP_SIM", str(ROOT / "build/dev/tools/aivp-sim/aivp-sim")),
}
# As exit_code in tools/common/command.hpp; docs/cli.md has the table.
OK, USAGE, CONFIG, NOTHING, FAILED, DIVERGED, REFUSED = 0, 2, 3, 4, 10, 12, 31


class ToolTest(unittest.TestCase):
    """Runs commands in the project's root, or in a folder of their own."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aivp-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_tool(self, *words, cwd=ROOT, code=OK):
        """The completed process; the test fails when the exit code is another one."""
        done = subprocess.run([BINARIES[words[0]], *map(str, words[1:])], cwd=cwd, capture_output=True, text=True, timeout=500)
        self.assertEqual(done.returncode, code, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done

    def json_of(self, *words, cwd=ROOT, code=OK):
        text = self.run_tool(*words, cwd=cwd, code=code).stdout
        self.assertEqual(text.count("\n"), 1, "one document on one line")
        return json.loads(text)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


def main():
    unittest.main(verbosity=1)
