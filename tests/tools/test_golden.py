#!/usr/bin/env python3
"""What people see, to the letter. AIVP_UPDATE_GOLDEN=1 rewrites the files; look at the difference before you commit it."""
import os
import pathlib
import re

from tools import CONFIG, DIVERGED, FAILED, OK, REFUSED, ROOT, USAGE, ToolTest, main

GOLDEN = pathlib.Path(__file__).parent / "golden"
DRY = ["aivp", "run", "--dry-run"]
CASES = {
    "dry-run-inbox": (OK, DRY + ["fixtures/agents/inbox-triager.yaml", "--fixtures", "fixtures/inbox-monday"]),
    "dry-run-inbox-recorded": (OK, DRY + ["fixtures/agents/inbox-triager.yaml", "--fixtures", "fixtures/inbox-recorded"]),
    "dry-run-inbox-strict": (REFUSED, DRY + ["fixtures/agents/inbox-triager.yaml", "--fixtures", "fixtures/inbox-monday", "--strict"]),
    "dry-run-expenses": (OK, DRY + ["fixtures/agents/expense-documenter.yaml", "--fixtures", "fixtures/expenses-march"]),
    "dry-run-monitor": (OK, DRY + ["fixtures/agents/service-monitor.yaml", "--fixtures", "fixtures/monitor-night"]),
    "explain": (OK, ["aivp", "explain", "cap.fixed"]),
    "help": (OK, ["aivp", "--help"]),
    "help-sim": (OK, ["aivp-sim", "--help"]),
    "properties": (OK, ["aivp-sim", "properties"]),
    "replay": (OK, ["aivp-sim", "replay", "fixtures/tapes"]),
    "run-passed": (OK, ["aivp-sim", "run", "scenarios/limits", "--seeds", "20"]),
    "run-failed": (FAILED, ["aivp-sim", "run", "tests/tools/cases/too-hopeful.yaml", "--seeds", "5"]),
    "run-errors": (CONFIG, ["aivp-sim", "run", "tests/tools/cases/misspelt.yaml"]),
    "usage": (USAGE, ["aivp-sim", "run", "--sedes", "4", "scenarios"]),
    "validate-errors": (CONFIG, ["aivp", "validate", "tests/tools/cases/no-such-skill.yaml", "--skills", "fixtures/skills"]),
}


def comparable(text):
    """Without what the speed of the machine and the version of its time zones decide."""
    text = re.sub(r"[\d.,]+ (s\b|tapes/s|engine inputs/s)", r"N \1", text)
    # Each statement that is added to the code would change these.
    text = re.sub(r"[\d,]+ always held · [\d,]+ of [\d,]+ sometimes reached.*", "N always held · N of N sometimes reached", text)
    return re.sub(r"(snapshot #|digest     )[0-9a-f]+", r"\1HASH", text)


class Golden(ToolTest):
    def test_every_output_is_as_it_was(self):
        for name, (code, words) in CASES.items():
            with self.subTest(name):
                done = self.run_tool(*words, code=code)
                text = comparable(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}exit code {done.returncode}\n")
                path = GOLDEN / f"{name}.txt"
                if os.environ.get("AIVP_UPDATE_GOLDEN"):
                    path.write_text(text, encoding="utf-8")
                self.assertTrue(path.exists(), f"{path} is missing: run with AIVP_UPDATE_GOLDEN=1")
                self.assertEqual(path.read_text(encoding="utf-8"), text)

    def test_no_file_is_left_over(self):
        self.assertEqual({p.stem for p in GOLDEN.iterdir()}, set(CASES))

    def test_no_output_names_a_folder_of_this_machine(self):
        for path in GOLDEN.iterdir():
            self.assertNotIn(str(ROOT), path.read_text(encoding="utf-8"), path.name)


if __name__ == "__main__":
    main()
