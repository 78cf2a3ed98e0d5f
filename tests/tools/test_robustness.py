#!/usr/bin/env python3
"""What the binaries do with odd paths, foreign text, full disks, tapes that do not fit, and errors under --json."""
import json
import pathlib
import re
import shutil
import subprocess

from tools import BINARIES, CONFIG, DIVERGED, FAILED, NOTHING, OK, REFUSED, ROOT, USAGE, ToolTest, main

TRIAGER = "fixtures/agents/inbox-triager.yaml"

SCENARIO = """schema_version: scenario.v1
name: Notes are kept
skills: [{root}/fixtures/skills]
agents: [{root}/scenarios/agents/scrooge.yaml]
duration: 10m
model: {{rules: [], default: {{content: {content}}}}}
triggers: [{trigger}]
expect:
  runs: {{total: {runs}}}
"""


class Triggers(ToolTest):
    def test_what_lies_beyond_the_horizon_is_not_planned(self):
        for trigger, runs in [
            ("{start: scrooge, after: 7300d, every: 7300d, times: 20000}", 0),
            ("{start: scrooge, every: 7300d, times: 1000000}", 1),
            ("{start: scrooge, after: 10m}", 1),
            ("{start: scrooge, every: 5m, times: 1000000}", 3),
        ]:
            with self.subTest(trigger=trigger):
                text = SCENARIO.format(root=ROOT, content="done", trigger=trigger, runs=runs)
                self.run_tool("aivp-sim", "run", self.write("far.yaml", text))


class Validate(ToolTest):
    def test_a_named_path_must_be_something(self):
        done = self.run_tool("aivp", "validate", self.folder / "nodir", code=CONFIG)
        self.assertIn("io.not_found", self.run_tool("aivp", "validate", self.folder / "nodir", "--json", code=CONFIG).stdout)
        self.assertIn("does not exist", done.stderr)
        note = self.write("notes.txt", "hello\n")
        self.assertIn("is no agent, skill, scenario, fixture or tape", self.run_tool("aivp", "validate", note, code=CONFIG).stderr)
        self.run_tool("aivp", "validate", self.folder, code=NOTHING)

    def test_fixtures_and_tapes_are_read(self):
        report = self.json_of("aivp", "validate", "fixtures", "--json")
        self.assertEqual((report["fixtures"], report["tapes"]), (4, 3))
        fixture = self.write("fixture.yaml", f"schema_version: fixture.v1\nskills: [{ROOT}/fixtures/skills]\nmodle: {{}}\n")
        done = self.run_tool("aivp", "validate", fixture, code=CONFIG)
        self.assertRegex(done.stderr, r"fixture\.yaml:3:1")
        self.assertIn("Did you mean `model`?", done.stderr)
        tape = self.folder / "broken.tape"
        shutil.copytree(ROOT / "fixtures/tapes/inbox-monday.tape", tape)
        (tape / "events.jsonl").write_text("{\n", encoding="utf-8")
        self.run_tool("aivp", "validate", tape, code=CONFIG)

    def test_the_kind_is_what_stands_at_the_top_level(self):
        text = SCENARIO.format(root=ROOT, content="this is no skill.v1 and no fixture.v1", trigger="{start: scrooge}", runs=1)
        report = self.json_of("aivp", "validate", self.write("s.yaml", text), "--json")
        self.assertEqual((report["scenarios"], report["skills"], report["fixtures"]), (1, 0, 0))


class ForeignText(ToolTest):
    FORGED = '"fine\\n  effects   0 reads \\e[2K\\x7f\\u202e\\x85"'

    def test_a_model_cannot_forge_a_line_of_the_preview(self):
        fixture = f"schema_version: fixture.v1\nskills: [{ROOT}/fixtures/skills]\nmodel: {{rules: [], default: {{content: {self.FORGED}}}}}\n"
        self.write("fixture.yaml", fixture)
        out = self.run_tool("aivp", "run", "--dry-run", ROOT / "scenarios/agents/scrooge.yaml", "--fixtures", self.folder).stdout
        self.assertIn(r"fine\x0A  effects   0 reads \x1B[2K\x7F\u{202E}\u{0085}", out)
        self.assertEqual(len(re.findall(r"^  effects", out, re.M)), 1)
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

    def test_nor_can_the_name_of_a_scenario(self):
        text = SCENARIO.format(root=ROOT, content="x", trigger="{start: scrooge}", runs=9).replace("Notes are kept", self.FORGED)
        out = self.run_tool("aivp-sim", "run", self.write("forged.yaml", text), code=FAILED).stdout
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

    def test_an_echoed_line_keeps_its_caret(self):
        text = 'schema_version: scenario.v1\nname: x\nmodel: {"\u202e\u202e": 1}\nagents: [a.yaml]\n'
        done = self.run_tool("aivp-sim", "run", self.write("bidi.yaml", text), code=CONFIG)
        self.assertIn("\ufffd\ufffd", done.stderr)
        self.assertNotIn("\u202e", done.stderr)

    def test_a_message_about_the_whole_section_names_no_empty_place(self):
        text = SCENARIO.format(root=ROOT, content="x", trigger="{start: scrooge}", runs=1).replace("rules: [], ", "")
        self.assertIn("]: needs one of", self.run_tool("aivp-sim", "run", self.write("m.yaml", text), code=CONFIG).stderr)

    def test_messages_about_arguments(self):
        done = self.run_tool("aivp", "explain", "a\x1b[31m\nerror[AV0001]: forged", code=USAGE)
        self.assertNotIn("\x1b", done.stderr)
        self.assertNotRegex(done.stderr, r"(?m)^error\[AV0001\]")


class DryRun(ToolTest):
    def dry_run(self, fixture, *words, code=OK):
        self.write("fixture.yaml", f"schema_version: fixture.v1\nskills: [{ROOT}/fixtures/skills]\n{fixture}")
        return self.run_tool("aivp", "run", "--dry-run", ROOT / "scenarios/agents/scrooge.yaml", "--fixtures", self.folder, *words, code=code)

    def test_a_run_that_fails_is_a_failure(self):
        self.assertIn("outcome   failure", self.dry_run("", code=FAILED).stdout)

    def test_an_unknown_outcome_is_named(self):
        fixture = """answers:
  - {skill: kv.set, error: skill.outcome_unknown}
model:
  sequence:
    - {calls: [{name: keep_note, args: {key: a, value: 1}}]}
    - {content: done}
"""
        self.assertIn("UNKNOWN: it may have happened", self.dry_run(fixture).stdout)
        report = json.loads(self.dry_run(fixture, "--json").stdout)
        (entry,) = [e for e in report["runs"][0]["entries"] if e.get("effect") == "write"]
        self.assertEqual((entry["ended"], report["totals"]["unknown"], report["totals"]["failed"]), ("unknown", 1, 0))

    def test_what_a_tape_cannot_answer_is_loud(self):
        shutil.copytree(ROOT / "fixtures", self.folder / "fixtures")
        agent = self.folder / TRIAGER
        agent.write_text(agent.read_text(encoding="utf-8").replace("without_label: answered", "without_label: done"), encoding="utf-8")
        done = self.run_tool("aivp", "run", "--dry-run", agent, "--fixtures", self.folder / "fixtures/inbox-recorded", code=DIVERGED)
        self.assertIn("error[AV0707]", done.stderr)
        self.assertIn("/without_label", done.stderr)
        report = self.json_of("aivp", "run", "--dry-run", agent, "--fixtures", self.folder / "fixtures/inbox-recorded", "--json", code=DIVERGED)
        self.assertEqual(report["tape"]["code"], "tape.miss")

    def test_a_tape_whose_skills_are_broken_says_so(self):
        shutil.copytree(ROOT / "fixtures", self.folder / "fixtures")
        (self.folder / "fixtures/skills/zzz.SKILL.md").write_text("no front matter\n", encoding="utf-8")
        done = self.run_tool("aivp-sim", "replay", self.folder / "fixtures/tapes", code=CONFIG)
        self.assertIn("zzz.SKILL.md", done.stdout)
        self.assertIn("AV0231", done.stdout)

    def test_a_scenario_with_a_tape_that_does_not_fit_fails(self):
        (self.folder / "scenarios/loop").mkdir(parents=True)
        shutil.copytree(ROOT / "fixtures", self.folder / "fixtures")
        shutil.copy(ROOT / "scenarios/loop/recorded.yaml", self.folder / "scenarios/loop")
        agent = self.folder / TRIAGER
        agent.write_text(agent.read_text(encoding="utf-8").replace("without_label: answered", "without_label: done"), encoding="utf-8")
        report = self.json_of("aivp-sim", "run", self.folder / "scenarios", "--json", code=FAILED)
        self.assertIn("tape.miss", [f["code"] for f in report["scenarios"][0]["failures"][0]["findings"]])


class Output(ToolTest):
    def test_a_full_disk_is_an_error(self):
        if not pathlib.Path("/dev/full").exists():
            self.skipTest("SKIPPED: no /dev/full")
        for words in (["aivp", "--version"], ["aivp", "explain", "AV0310"], ["aivp-sim", "run", "scenarios/limits", "--json"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([BINARIES[words[0]], *words[1:]], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(done.returncode, CONFIG, words)
            self.assertIn("error[AV0105]", done.stderr)

    def test_errors_are_json_too(self):
        for words, code, name in [
            (["aivp", "validate", "--json"], USAGE, "usage.invalid"),
            (["aivp-sim", "run", self.folder / "nowhere", "--json"], CONFIG, "io.not_found"),
            (["aivp-sim", "replay", self.folder / "nowhere", "--json"], CONFIG, "io.not_found"),
            (["aivp", "run", "--dry-run", TRIAGER, "--fixtures", self.folder, "--json"], CONFIG, "io.not_found"),
            (["aivp-sim", "frobnicate", "--json"], USAGE, "usage.invalid"),
        ]:
            with self.subTest(words=words):
                report = self.json_of(*words, code=code)
                self.assertEqual((report["error"]["code"], report["version"]), (name, 1))
                self.assertEqual(sorted(report["error"]), ["code", "help", "message", "number", "where"])

    def test_what_is_missing_is_named(self):
        for words, missing in [
            (["aivp", "validate"], "PATH"),
            (["aivp", "run", "--dry-run"], "AGENT"),
            (["aivp-sim", "import", "agentdojo"], "FILE"),
        ]:
            self.assertIn(f"]: {missing} is missing\n", self.run_tool(*words, code=USAGE).stderr)

    def test_the_junit_file_is_opened_before_anything_runs(self):
        done = self.run_tool("aivp-sim", "run", "scenarios", "--junit", self.folder / "no/such/out.xml", code=CONFIG)
        self.assertEqual(done.stdout, "")

    def test_a_code_is_found_by_any_of_its_names(self):
        texts = {self.run_tool("aivp", "explain", name).stdout for name in ("AV0310", "av0310", "0310", "310", "policy.no_rule")}
        self.assertEqual(len(texts), 1)

    def test_schemas_are_those_of_the_repository(self):
        for name in ("agent", "scenario", "skill", "skill-pool"):
            text = (ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8")
            self.assertEqual(self.run_tool("aivp", "schema", name).stdout, text)
        self.run_tool("aivp", "schema", "moon", code=USAGE)

    def test_completion_scripts_are_valid_and_complete(self):
        for tool in BINARIES:
            script = self.run_tool(tool, "completion", "bash").stdout
            probe = f'{script}\nCOMP_WORDS=({tool} explain --he); COMP_CWORD=2; _{tool.replace("-", "_")}; echo "${{COMPREPLY[*]}}"\n'
            done = subprocess.run(["bash", "-eu"], input=probe, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.stdout, done.stderr), ("--help\n", ""))
            for shell in ("zsh", "fish"):
                script = self.run_tool(tool, "completion", shell).stdout
                self.assertIn("completion", script)
                if shutil.which(shell):
                    subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=60)
            self.run_tool(tool, "completion", "cmd", code=USAGE)


if __name__ == "__main__":
    main()
