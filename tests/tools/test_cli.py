#!/usr/bin/env python3
"""Exit codes, messages, help, machine-readable output, and the files that `aivp new` writes."""
import json
import pathlib
import re
import subprocess
import time
import xml.etree.ElementTree as tree

from tools import BINARIES, CONFIG, DIVERGED, FAILED, NOTHING, OK, REFUSED, ROOT, USAGE, ToolTest, main

TRIAGER = "fixtures/agents/inbox-triager.yaml"
MONDAY = "fixtures/inbox-monday"

FAILING = """schema_version: scenario.v1
name: Two notes are kept
skills: [{root}/fixtures/skills]
agents: [{root}/scenarios/agents/scrooge.yaml]
duration: 10m
world: {{kv: {{}}}}
model:
  sequence:
    - {{calls: [{{name: keep_note, args: {{key: a, value: 1}}}}]}}
    - {{content: "one & only <note>"}}
triggers: [{{start: scrooge}}]
expect:
  runs: {{success: 1}}
  ledger:
    - {{operation: kv.set, count: 2}}
"""


class ExitCodes(ToolTest):
    def test_each_code_is_reached(self):
        (self.folder / "empty").mkdir()
        failing = self.write("failing.yaml", FAILING.format(root=ROOT))
        bad = self.write("bad.yaml", "schema_version: scenario.v1\nname: x\nagents: [nobody.yaml]\n")
        dry = ["aivp", "run", "--dry-run", TRIAGER, "--fixtures", MONDAY]
        for code, words in [
            (OK, dry),
            (OK, ["aivp", "validate", "fixtures", "scenarios"]),
            (OK, ["aivp", "explain", "skill.unknown"]),
            (OK, ["aivp-sim", "replay", "fixtures/tapes"]),
            (OK, ["aivp-sim", "properties"]),
            (USAGE, ["aivp"]),
            (USAGE, ["aivp", "frobnicate"]),
            (USAGE, ["aivp", "run", "--dry-run", TRIAGER]),
            (USAGE, ["aivp", "explain", "AV9999"]),
            (USAGE, ["aivp", "new", "agent", "No/Id", "--folder", self.folder]),
            (USAGE, ["aivp-sim", "run"]),
            (USAGE, ["aivp-sim", "run", "scenarios", "--seeds", "none"]),
            (USAGE, ["aivp-sim", "run", "scenarios", "--seeds", "3", "--seeds", "4"]),
            (USAGE, ["aivp-sim", "import", "homework", "x", "--out", self.folder / "tapes"]),
            (CONFIG, ["aivp", "run", TRIAGER, "--fixtures", MONDAY]),
            (CONFIG, ["aivp", "run", "--dry-run", TRIAGER, "--fixtures", self.folder / "empty"]),
            (CONFIG, ["aivp", "validate", bad]),
            (CONFIG, ["aivp-sim", "run", bad]),
            (CONFIG, ["aivp-sim", "run", self.folder / "nowhere"]),
            (CONFIG, ["aivp-sim", "replay", self.folder / "empty"]),
            (NOTHING, ["aivp", "validate", self.folder / "empty"]),
            (NOTHING, ["aivp-sim", "run", self.folder / "empty"]),
            (NOTHING, ["aivp-sim", "list", self.folder / "empty"]),
            (FAILED, ["aivp-sim", "run", failing]),
            (FAILED, ["aivp-sim", "verify", failing]),
            (REFUSED, dry + ["--strict"]),
        ]:
            with self.subTest(words=" ".join(map(str, words))):
                done = self.run_tool(*words, code=code)
                if code in (USAGE, CONFIG, NOTHING) and len(words) > 1:
                    self.assertRegex(done.stderr + done.stdout, r"error\[AV\d{4}\]: |^ok: 0 ")

    def test_a_replay_that_misses_is_divergence_and_names_the_field(self):
        agents = self.folder / "agents"
        agents.mkdir()
        text = (ROOT / TRIAGER).read_text(encoding="utf-8")
        (agents / "inbox-triager.yaml").write_text(text.replace("without_label: answered", "without_label: done"), encoding="utf-8")
        subprocess.run(["cp", "-r", ROOT / "fixtures/tapes", ROOT / "fixtures/skills", self.folder], check=True)
        done = self.run_tool("aivp-sim", "replay", self.folder / "tapes/inbox-monday.tape", code=DIVERGED)
        self.assertIn("/without_label", done.stdout)
        self.assertIn('"answered"', done.stdout)
        self.assertIn('"done"', done.stdout)
        report = self.json_of("aivp-sim", "replay", self.folder / "tapes/inbox-monday.tape", "--json", code=DIVERGED)
        self.assertEqual(report["totals"]["missed"], 1)
        difference = report["failures"][0]["misses"][0]["differences"]
        self.assertIn({"pointer": "/args/without_label", "recorded": "answered", "live": "done"}, difference)

    def test_an_edited_tape_is_noticed(self):
        subprocess.run(["cp", "-r", ROOT / "fixtures/tapes", ROOT / "fixtures/agents", ROOT / "fixtures/skills", self.folder], check=True)
        events = self.folder / "tapes/monitor-night.tape/events.jsonl"
        text = events.read_text(encoding="utf-8")
        self.assertIn("upstream timed out", text)
        events.write_text(text.replace("upstream timed out", "upstream ran out"), encoding="utf-8")
        done = self.run_tool("aivp-sim", "replay", self.folder / "tapes/monitor-night.tape")
        self.assertIn("tape.chain", done.stdout)
        self.assertEqual(self.json_of("aivp-sim", "replay", self.folder / "tapes", "--json")["totals"]["edited"], 1)


class Help(ToolTest):
    def test_every_command_has_help_with_an_example_and_all_its_options(self):
        for tool in BINARIES:
            listed = self.run_tool(tool, "--help").stdout
            commands = re.findall(r"^  (\w+) +\S", listed.split("commands\n")[1], re.M)
            self.assertGreaterEqual(len(commands), 4)
            for command in commands:
                with self.subTest(tool=tool, command=command):
                    text = self.run_tool(tool, command, "-h").stdout
                    self.assertIn("examples\n  " + tool + " " + command, text)
                    self.assertEqual(text, self.run_tool(tool, "help", command).stdout)
                    self.assertLessEqual(max(map(len, text.splitlines())), 130)

    def test_a_near_miss_is_named(self):
        for words, near in [
            (["aivp", "validat", "fixtures"], "validate"),
            (["aivp-sim", "replya", "x"], "replay"),
            (["aivp-sim", "run", "--sedes", "4", "x"], "--seeds"),
            (["aivp", "explain", "skill.unknwn"], "skill.unknown"),
        ]:
            with self.subTest(words=words):
                self.assertIn(f"did you mean `{near}`?", self.run_tool(*words, code=USAGE).stderr)

    def test_a_near_miss_in_a_file_is_named_with_its_place(self):
        text = FAILING.format(root=ROOT).replace("duration:", "duraton:")
        done = self.run_tool("aivp-sim", "run", self.write("near.yaml", text), code=CONFIG)
        self.assertRegex(done.stderr, r"--> \S+near\.yaml:5:1")
        self.assertRegex(done.stderr, r"(?i)did you mean `duration`")

    def test_all_errors_of_a_file_are_shown(self):
        text = FAILING.format(root=ROOT).replace("duration: 10m", "duration: soon").replace("count: 2", "cuont: 2")
        done = self.run_tool("aivp-sim", "run", self.write("errors.yaml", text), code=CONFIG)
        self.assertEqual(len(re.findall(r"^error\[AV\d{4}\]", done.stderr, re.M)), 2, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_the_version_is_printed_fast(self):
        header = (ROOT / "include/aivp/version.hpp").read_text(encoding="utf-8")
        version = ".".join(re.findall(r"#define AIVP_VERSION_\w+ (\d+)", header))
        for tool in BINARIES:
            best = 1.0
            for _ in range(5):
                start = time.perf_counter()
                self.assertEqual(self.run_tool(tool, "--version").stdout, f"{tool} {version}\n")
                best = min(best, time.perf_counter() - start)
            self.assertLess(best, 0.5)


class Json(ToolTest):
    def test_a_dry_run(self):
        report = self.json_of("aivp", "run", "--dry-run", TRIAGER, "--fixtures", MONDAY, "--json")
        self.assertEqual(report["version"], 1)
        self.assertTrue(report["dry_run"])
        self.assertEqual(report["agent"], "inbox-triager")
        totals = {"failed": 0, "irreversible": 2, "performed": 0, "reads": 5, "refused": 1, "unknown": 0, "writes": 5}
        self.assertEqual(report["totals"], totals)
        (run,) = report["runs"]
        self.assertEqual(run["outcome"]["status"], "success")
        refused = [e for e in run["entries"] if e["decision"] == "refused"]
        self.assertEqual([e["as"] for e in refused], ["files.delete"])
        self.assertEqual(refused[0]["refusal"]["error"], "skill.unknown")
        written = [e for e in run["entries"] if e.get("effect") == "write"]
        self.assertTrue(all(e["outcome"]["status"] == "success" and e["rule"].startswith("binding `") for e in written))

    def test_a_suite(self):
        report = self.json_of("aivp-sim", "run", "scenarios/gate", "--seeds", "3", "--json")
        self.assertEqual(report["version"], 1)
        self.assertEqual(report["totals"]["failed"], 0)
        self.assertEqual(report["totals"]["passed"], len(report["scenarios"]))
        self.assertEqual(report["totals"]["seeds"], 3 * len(report["scenarios"]))
        for scenario in report["scenarios"]:
            self.assertTrue(scenario["passed"])
            self.assertRegex(scenario["outcomes"], "^[0-9a-f]{64}$")
            for field in ("effects", "inputs", "runs", "virtual_us"):
                self.assertIsInstance(scenario[field], int)

    def test_a_list(self):
        rows = json.loads(self.run_tool("aivp-sim", "list", "scenarios", "--json").stdout)
        self.assertEqual([r["file"] for r in rows], sorted(r["file"] for r in rows))
        self.assertEqual(len({r["name"] for r in rows}), len(rows), "names are unique")
        slow = json.loads(self.run_tool("aivp-sim", "list", "scenarios", "--slow", "--json").stdout)
        self.assertGreater(len(slow), len(rows))

    def test_a_validation(self):
        report = self.json_of("aivp", "validate", "fixtures", "--json")
        self.assertEqual((report["agents"], report["errors"]), (4, []))
        bad = self.write("bad.yaml", "schema_version: v1alpha1\nkind: agent\nid: x\nname: x\nstesp: []\n")
        report = self.json_of("aivp", "validate", bad, "--json", code=CONFIG)
        (error,) = [e for e in report["errors"] if e["code"] == "config.unknown_key"]
        self.assertEqual((error["line"], error["column"]), (5, 1))
        self.assertRegex(error["number"], r"^AV\d{4}$")


class Failures(ToolTest):
    def test_a_failure_says_what_where_and_how_to_repeat_it(self):
        path = self.write("a b/it's failing.yaml", FAILING.format(root=ROOT))
        done = self.run_tool("aivp-sim", "run", path, "--seed", 7, "--seeds", 3, code=FAILED)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped")
        line = FAILING.format(root=ROOT).splitlines().index("    - {operation: kv.set, count: 2}") + 1
        self.assertIn(f"expect    calls that reached the world: kv.set   {path}:{line}:7\n  expected  2\n  actual    1\n", done.stdout)
        self.assertIn("3 of 3 seeds fail", done.stdout)
        repro = re.search(r"^  repro +(.*)$", done.stdout, re.M).group(1)
        self.assertTrue(repro.endswith(" --seed 7"), repro)
        environment = {"PATH": f"{pathlib.Path(BINARIES['aivp-sim']).parent}:/usr/bin:/bin"}
        again = subprocess.run(["sh", "-c", repro], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(again.returncode, FAILED)
        self.assertIn("  expected  2\n  actual    1\n", again.stdout)

    def test_an_expected_state_shows_both_sides(self):
        text = FAILING.format(root=ROOT) + "  world: {kv: {agents: {scrooge: {a: {value: 2}}}}}\n"
        done = self.run_tool("aivp-sim", "run", self.write("state.yaml", text), code=FAILED)
        self.assertIn('  expected  kv: {"agents":{"scrooge":{"a":{"value":2}}}}\n', done.stdout)
        self.assertIn('"value":1', done.stdout)

    def test_a_bound_on_events_is_a_failure(self):
        text = FAILING.format(root=ROOT).replace("duration: 10m", "duration: 10m\nmax_events: 1").replace("triggers: [", "synchronous: false\ntriggers: [")
        done = self.run_tool("aivp-sim", "run", self.write("bound.yaml", text), code=FAILED)
        self.assertIn("max_events", done.stdout)

    def test_junit_is_well_formed_and_holds_the_failure(self):
        path = self.write("it <fails>.yaml", FAILING.format(root=ROOT).replace("Two notes", "Two <notes> & one"))
        good = "scenarios/limits/tokens.yaml"
        self.run_tool("aivp-sim", "run", path, good, "--seeds", 2, "--junit", self.folder / "out.xml", code=FAILED)
        suite = tree.parse(self.folder / "out.xml").getroot().find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("2", "1", "0"))
        cases = {case.get("name"): case for case in suite.findall("testcase")}
        failed = cases["Two <notes> & one are kept"]
        self.assertIn("  expected  2", failed.find("failure").text)
        self.assertIn("calls that reached the world", failed.find("failure").get("message"))
        for case in cases.values():
            self.assertTrue(case.get("classname") and float(case.get("time")) >= 0)
            names = {p.get("name") for p in case.find("properties")}
            self.assertLessEqual({"seeds", "outcomes", "scenario_hash"}, names)

    def test_the_last_line_counts(self):
        for words, code in [
            (["aivp-sim", "run", "scenarios/limits"], OK),
            (["aivp-sim", "verify", "scenarios/limits", "--seeds", "2"], OK),
            (["aivp-sim", "replay", "fixtures/tapes"], OK),
            (["aivp-sim", "run", self.write("failing.yaml", FAILING.format(root=ROOT))], FAILED),
        ]:
            self.assertRegex(self.run_tool(*words, code=code).stdout.splitlines()[-1], r"^\d+ passed, \d+ failed, \d+ skipped$")


class Verify(ToolTest):
    KEYS = "scenarios/keys"

    def faults(self, *words, code=OK):
        return self.json_of("aivp-sim", "verify", *words, "--faults", "--json", code=code)

    def test_each_seed_is_run_twice(self):
        for command, compared in (("run", 0), ("verify", 3)):
            report = self.json_of("aivp-sim", command, "scenarios/limits/tokens.yaml", "--seeds", 3, "--json")
            self.assertEqual(report["totals"]["compared"], compared)
        text = self.run_tool("aivp-sim", "verify", "scenarios/limits/tokens.yaml", "--seeds", 3).stdout
        self.assertRegex(text, r"(?m)^  \d+ engine inputs, .*, each seed twice: 0 divergences$")

    def test_under_faults_each_seed_draws_a_plan_and_counts_what_was_met(self):
        report = self.faults(self.KEYS, "--seeds", 30)
        totals = report["totals"]
        self.assertEqual(totals["compared"], 30 * len(report["scenarios"]))
        self.assertEqual((totals["diverged"], totals["failed"]), (0, 0))
        self.assertGreater(totals["faulty"], totals["compared"] // 2)
        kinds = [kind["kind"] for kind in self.json_of("aivp-sim", "faults", "--json")["kinds"]]
        self.assertEqual(sorted([*report["met"], *report["never_met"]]), sorted(kinds))
        for kind, count in report["met"].items():
            self.assertEqual(count, sum(scenario["met"].get(kind, 0) for scenario in report["scenarios"]))
        # Agents of these scenarios converse with nobody.
        self.assertIn("user.late", report["never_met"])
        self.assertIn("process.kill", report["met"])

    def test_the_cases_are_those_of_run_with_faults(self):
        path = f"{self.KEYS}/answer-lost.yaml"
        (twice,) = self.faults(path, "--seeds", 40)["scenarios"]
        (once,) = self.json_of("aivp-sim", "run", path, "--faults", 40, "--no-keep", "--json")["scenarios"]
        self.assertEqual(twice["met"], once["met"])
        (other,) = self.faults(path, "--seeds", 40, "--seed", 1000)["scenarios"]
        self.assertNotEqual(twice["met"], other["met"])

    def test_the_workload_can_be_left_alone(self):
        path = f"{self.KEYS}/two-equal-charges.yaml"
        reports = [self.faults(path, "--seeds", 40, *more)["scenarios"][0] for more in ([], ["--no-workload"])]
        self.assertNotEqual(reports[0]["outcomes"], reports[1]["outcomes"])

    def test_what_is_found_does_not_depend_on_the_threads(self):
        outcomes = [[s["outcomes"] for s in self.faults(self.KEYS, "--seeds", 20, "--jobs", jobs)["scenarios"]] for jobs in (1, 4)]
        self.assertEqual(*outcomes)
        self.assertEqual(len(set(outcomes[0])), len(outcomes[0]))

    def test_kinds_that_were_never_met_are_listed_and_are_no_failure(self):
        text = self.run_tool("aivp-sim", "verify", f"{self.KEYS}/answer-lost.yaml", "--faults", "--seeds", 10).stdout
        self.assertRegex(text, r"(?m)^  10 cases, each run twice in [\d.]+ s, [\d,]+ engine inputs each time: 0 divergences$")
        met, all_kinds = map(int, re.search(r"(?m)^  met +(\d+) of (\d+) kinds of faults; the rarest, \w+\.\w+, in \d+ cases?$", text).groups())
        never = re.search(r"(?m)^  never met (.*)$", text).group(1).split(", ")
        self.assertEqual(met + len(never), all_kinds)
        self.assertEqual(text.splitlines()[-1], "1 passed, 0 failed, 0 skipped")

    def test_a_scenario_that_fails_by_itself_is_a_failure(self):
        failing = self.write("failing.yaml", FAILING.format(root=ROOT))
        report = self.faults(failing, "--seeds", 5, code=FAILED)
        self.assertEqual(report["totals"]["compared"], 0)
        self.assertIn("kv.set", report["scenarios"][0]["fails_by_itself"])
        self.assertIn("fails without further faults", self.run_tool("aivp-sim", "verify", failing, "--faults", code=FAILED).stdout)

    def test_options_that_do_not_go_together(self):
        for option in (["--junit", self.folder / "out.xml"], ["--html", self.folder / "out.html"], ["--github"], ["--require-reached"]):
            done = self.run_tool("aivp-sim", "verify", self.KEYS, "--faults", *option, code=USAGE)
            self.assertIn(f"--faults and {option[0]} do not go together", done.stderr)


def editor_line_problem(path):
    """What is wrong with the line that tells editors the schema of an agent, a scenario or a skill; None for other files."""
    text = path.read_text(encoding="utf-8")
    version = re.search(r"^schema_version: *(\S+)", text, re.M)
    schema = version and {"v1alpha1": "agent", "scenario.v1": "scenario", "skill.v1": "skill", "skill_pool.v1": "skill-pool"}.get(version.group(1))
    if not schema:
        return None
    line = re.match(r"(?:---\n)?# yaml-language-server: \$schema=(\S+)\n", text)
    if not line:
        return f"{path}: does not begin with a line # yaml-language-server: $schema=PATH"
    named = path.parent / line.group(1)
    if not named.is_file():
        return f"{path}: there is no {named}"
    if json.loads(named.read_text(encoding="utf-8")) != json.loads((ROOT / f"schemas/{schema}.schema.json").read_text(encoding="utf-8")):
        return f"{path}: {named} is not the schema `{schema}`"
    return ""


class EditorLines(ToolTest):
    def test_every_sample_names_its_schema(self):
        files = [p for top in ("scenarios", "fixtures") for p in sorted((ROOT / top).rglob("*")) if p.suffix in (".yaml", ".yml", ".md")]
        problems = [editor_line_problem(p) for p in files]
        self.assertEqual([p for p in problems if p], [])
        self.assertGreaterEqual(problems.count(""), 70)

    def test_a_missing_line_and_a_wrong_one_are_found(self):
        text = (ROOT / "scenarios/inbox/monday.yaml").read_text(encoding="utf-8").split("\n", 1)[1]
        (self.folder / "schemas").symlink_to(ROOT / "schemas")
        for line, problem in [
            ("", "does not begin with"),
            ("# yaml-language-server: $schema=schemas/nothing.json\n", "there is no"),
            ("# yaml-language-server: $schema=schemas/agent.schema.json\n", "is not the schema `scenario`"),
            ("# yaml-language-server: $schema=schemas/scenario.schema.json\n", ""),
        ]:
            found = editor_line_problem(self.write("monday.yaml", line + text))
            self.assertEqual(bool(found), bool(problem))
            self.assertIn(problem, found)
        self.assertIsNone(editor_line_problem(ROOT / "fixtures/inbox-monday/fixture.yaml"))


class New(ToolTest):
    def check_editor_lines(self, *names):
        self.assertEqual([editor_line_problem(self.folder / n) for n in names], [""] * len(names))

    def next_of(self, done):
        words = re.search(r"^next: (.*)$", done.stdout, re.M).group(1).split()
        return self.run_tool(*words, cwd=self.folder)

    def test_an_agent_validates_and_runs(self):
        done = self.run_tool("aivp", "new", "agent", "my-helper", cwd=self.folder)
        self.assertIn("outcome   success", self.next_of(done).stdout)
        self.assertIn("1 agent, 1 skill file", self.run_tool("aivp", "validate", ".", cwd=self.folder).stdout)
        self.check_editor_lines("my-helper.yaml", "skills/my-helper.look_up.SKILL.md")
        before = {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}
        self.run_tool("aivp", "new", "agent", "my-helper", cwd=self.folder, code=CONFIG)
        self.assertEqual(before, {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()})

    def test_a_scenario_passes_alone_and_beside_its_agent(self):
        done = self.run_tool("aivp", "new", "scenario", "my-helper", cwd=self.folder)
        self.assertIn("1 passed, 0 failed, 0 skipped", self.next_of(done).stdout)
        self.assertIn("1 passed, 0 failed, 0 skipped", self.run_tool("aivp-sim", "run", ".", "--seeds", 20, cwd=self.folder).stdout)
        self.run_tool("aivp", "validate", ".", cwd=self.folder)
        self.check_editor_lines("my-helper.scenario.yaml", "my-helper.yaml", "skills/my-helper.look_up.SKILL.md")

    def test_a_scenario_joins_an_agent_that_is_there(self):
        self.run_tool("aivp", "new", "agent", "my-helper", "--folder", "here", cwd=self.folder)
        done = self.run_tool("aivp", "new", "scenario", "my-helper", "--folder", "here", cwd=self.folder)
        written = re.findall(r"^wrote (.*)$", done.stdout, re.M)
        self.assertEqual(written, ["here/my-helper.scenario.yaml", "here/schemas/scenario.schema.json"])
        self.assertIn("1 passed", self.next_of(done).stdout)

    def test_a_skill_validates(self):
        done = self.run_tool("aivp", "new", "skill", "tickets.search", "--folder", "skills", cwd=self.folder)
        self.assertIn("1 skill file", self.next_of(done).stdout)
        self.check_editor_lines("skills/tickets.search.SKILL.md")

    def test_a_skill_uses_the_schema_of_the_folder_above(self):
        self.run_tool("aivp", "new", "agent", "my-helper", cwd=self.folder)
        done = self.run_tool("aivp", "new", "skill", "tickets.search", "--folder", "skills", cwd=self.folder)
        self.assertEqual(done.stdout.count("wrote "), 1)
        self.check_editor_lines("skills/tickets.search.SKILL.md")
        self.assertIn("2 skill files", self.run_tool("aivp", "validate", ".", cwd=self.folder).stdout)


class Recording(ToolTest):
    def setUp(self):
        super().setUp()
        secrets = (ROOT / "scenarios/gate/secrets.yaml").read_text(encoding="utf-8")
        parts = re.split(r"^(?=\w)", secrets, flags=re.M)
        keep = [p for p in parts if p.split(":")[0] in ("secrets", "world", "latency", "model")]
        skills = f"skills: [{ROOT}/fixtures/skills, {ROOT}/scenarios/skills]\n"
        self.write("fixture.yaml", "schema_version: fixture.v1\n" + skills + "".join(keep))
        self.dry_run = ["aivp", "run", "--dry-run", ROOT / "scenarios/agents/clerk.yaml", "--fixtures", self.folder]

    def test_a_recorded_run_replays_and_holds_no_secret(self):
        tape = self.folder / "tapes/secret.tape"
        done = self.run_tool(*self.dry_run, "--record", tape)
        self.assertIn("outcome   success", done.stdout)
        everything = "".join(p.read_text(encoding="utf-8") for p in tape.rglob("*") if p.is_file())
        for secret in ("open-sesame-4711", "b3Blbi1zZXNhbWUtNDcxMQ", "tok-visa-0815"):
            self.assertNotIn(secret, everything)
            self.assertNotIn(secret, done.stdout)
        self.assertIn("secret:argument#1", everything)
        self.assertEqual(json.loads((tape / "manifest.json").read_text(encoding="utf-8"))["redacted"], {"argument": 2, "response": 1, "result": 2})
        self.assertIn("1 passed, 0 failed, 0 skipped", self.run_tool("aivp-sim", "replay", tape).stdout)

    def test_a_tape_is_never_overwritten(self):
        tape = self.folder / "once.tape"
        self.run_tool(*self.dry_run, "--record", tape)
        before = (tape / "events.jsonl").read_bytes()
        self.assertIn("AV0106", self.run_tool(*self.dry_run, "--record", tape, code=CONFIG).stderr)
        self.assertEqual(before, (tape / "events.jsonl").read_bytes())

    def test_the_committed_tapes_are_what_is_recorded_today(self):
        agents = {"inbox-monday": "inbox-triager", "expenses-march": "expense-documenter", "monitor-night": "service-monitor"}
        subprocess.run(["cp", "-r", ROOT / "fixtures", self.folder], check=True)
        for fixture, agent in agents.items():
            committed = self.folder / f"fixtures/tapes/{fixture}.tape"
            before = {p.name: p.read_bytes() for p in committed.iterdir()}
            subprocess.run(["rm", "-r", committed], check=True)
            self.run_tool("aivp", "run", "--dry-run", f"fixtures/agents/{agent}.yaml", "--fixtures", f"fixtures/{fixture}",
                          "--record", f"fixtures/tapes/{fixture}.tape", cwd=self.folder)
            self.assertEqual(before, {p.name: p.read_bytes() for p in committed.iterdir()}, fixture)


if __name__ == "__main__":
    main()
