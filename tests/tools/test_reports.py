#!/usr/bin/env python3
"""What aivp-sim writes about failures: the page, annotations, JUnit, traces; why; and which scenarios run again."""
import html
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree as tree
import zlib
from unittest import mock

from tools import BINARIES, CONFIG, FAILED, NOTHING, ROOT, USAGE, ToolTest, main

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROPERTY = "nobody wonders <about> 1,000: a 50 % charge"
TILL = f"""
schema_version: scenario.v1
name: Every <b>charge</b> is known
skills: [{ROOT}/fixtures/skills, {ROOT}/scenarios/faults/skills]
agents: [{ROOT}/scenarios/faults/old-till.yaml]
duration: 2h
world: {{payment: {{customers: {{cus-ann: {{}}}}}}}}
latency: {{payment.charge: {{uniform: [50ms, 3s]}}}}
model:
  latency: {{uniform: [200ms, 2s]}}
  rules:
    - when: {{contains: A-1, lacks: succeeded}}
      respond: {{calls: [{{name: charge, args: {{customer: cus-ann, amount_cents: 1000, order: A-1}}}}]}}
      times: 3
  default: {{content: Somebody has to look.}}
triggers:
  - {{start: old-till, payload: charge A-1}}
  - {{after: 1h, start: old-till, payload: charge A-1 again}}
properties:
  always:
    "{PROPERTY}": count(calls where outcome == "unknown") <= 0
expect:
  runs: {{total: RUNS}}
"""
EXPLORE = ["--no-keep", "--seeds", "0", "--pairs", "0", "--only", "skill.lost"]


def browse(page, *words):
    """What Chromium did with the page: its stdout, and the lines of its console."""
    profile = tempfile.mkdtemp(prefix="aivp-chromium-")
    try:
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
             "--no-first-run", "--disable-sync", "--disable-quic", "--disable-component-update", f"--user-data-dir={profile}",
             "--enable-logging=stderr", "--hide-scrollbars", "--window-size=1200,1500", *words, page.as_uri()],
            capture_output=True, text=True, timeout=240)
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def picture_bytes(path):
    """How many bytes of the picture differ from what PNG's filters foresee: near none when it is blank."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return sum(b != 0 for b in zlib.decompress(packed))


class ReportTest(ToolTest):
    def setUp(self):
        super().setUp()
        self.till = self.write("till.yaml", TILL.replace("RUNS", "2"))
        self.wrong = self.write("wrong.yaml", TILL.replace("RUNS", "3").replace("<b>charge</b>", "second charge"))

    def sim(self, *words, code=0):
        return self.run_tool("aivp-sim", *words, cwd=self.folder, code=code)

    def explored(self, *words):
        return self.json_of("aivp-sim", "explore", "till.yaml", *EXPLORE, "--json", *words, cwd=self.folder, code=FAILED)


class Page(ReportTest):
    def setUp(self):
        super().setUp()
        self.page = self.folder / "out.html"
        self.failure = self.explored("--html", self.page)["scenarios"][0]["failures"][0]

    def test_it_tells_the_failure_without_anything_from_elsewhere(self):
        text = self.page.read_text(encoding="utf-8")
        self.assertIn(html.escape(PROPERTY), text)
        self.assertNotIn("<about>", text)
        self.assertNotIn("<b>", text)
        self.assertIn(self.failure["token"], text)
        self.assertIn("default-src 'none'", text)
        self.assertIsNone(re.search(r"<script|<link|<img|@import|url\(|https?:", text))
        self.assertLess(len(text), 300 << 10)
        self.assertEqual(text.count('class="ring"'), sum(line["note"] == "required" for line in self.failure["story"]))
        self.assertEqual(text.count('class="required"'), sum(f["required"] for f in self.failure["faults"]))
        self.assertGreater(text.count('class="ring"'), 0)
        for fault in self.failure["faults"]:
            self.assertIn(f"<code>{html.escape(fault['fault'])}</code>", text)

    def test_the_timeline_has_a_mark_for_each_line_of_the_story_in_order(self):
        text = self.page.read_text(encoding="utf-8")
        marks = re.findall(r'<g class="mark" data-line="(\d+)"><title>(.*?)</title><(?:circle|rect) class="([\w-]+)" c?x="([\d.]+)"', text)
        story = self.failure["story"]
        self.assertEqual([int(m[0]) for m in marks], list(range(1, len(story) + 1)))
        lanes = {"trigger": "trigger", "model": "model", "skill": "skill", "FAULT": "fault-mark", "violation": "violation-mark"}
        self.assertEqual([m[2] for m in marks], [lanes[line["what"]] for line in story])
        for (_, title, _, _), line in zip(marks, story):
            self.assertIn(html.escape(line["text"]), title)
        centres = [float(m[3]) + (10 if m[2] == "fault-mark" else 0) for m in marks]
        self.assertEqual(centres, sorted(centres))

    def test_run_and_repro_write_it_too(self):
        self.sim("run", "till.yaml", "wrong.yaml", "--html", self.page, code=FAILED)
        text = self.page.read_text(encoding="utf-8")
        self.assertIn("1 failed, 1 passed", text)
        self.assertIn("aivp-sim run wrong.yaml --seed 1", text)
        self.assertIn('data-line="1"', text)
        self.sim("repro", self.failure["token"], "--html", self.page, code=FAILED)
        self.assertIn(html.escape(PROPERTY), self.page.read_text(encoding="utf-8"))
        self.sim("run", "till.yaml", "--html", self.page)
        self.assertIn("1 passed", self.page.read_text(encoding="utf-8"))

    def test_it_is_opened_before_anything_runs(self):
        done = self.sim("run", "till.yaml", "--html", "no/such/out.html", code=CONFIG)
        self.assertEqual(done.stdout, "")

    def test_a_browser_shows_it(self):
        if not CHROMIUM:
            print("SKIPPED: chromium is not installed; the page was not opened")
            self.skipTest("chromium is not installed")
        dom, console = browse(self.page, "--dump-dom")
        self.assertEqual(console, [])
        self.assertIn(PROPERTY.replace("<", "&lt;").replace(">", "&gt;"), dom)
        self.assertEqual(dom.count('class="mark"'), len(self.failure["story"]))
        blank, broken = self.write("blank.html", "<!doctype html>"), self.write("broken.html", "<script>console.error(1)</script>")
        self.assertEqual(len(browse(broken, "--dump-dom")[1]), 1, "an error would be seen")
        shown, nothing = self.folder / "shown.png", self.folder / "nothing.png"
        browse(self.page, f"--screenshot={shown}")
        browse(blank, f"--screenshot={nothing}")
        self.assertGreater(picture_bytes(shown), 20_000 + picture_bytes(nothing))


class Annotations(ReportTest):
    def test_each_property_has_one_beside_its_line(self):
        shutil.copy(self.wrong, self.folder / "also-wrong.yaml")
        out = self.sim("explore", "till.yaml", *EXPLORE, "--github", code=FAILED).stdout
        line = next(n for n, text in enumerate(self.till.read_text().splitlines(), 1) if PROPERTY in text)
        (found,) = [text for text in out.splitlines() if text.startswith("::")]
        title = PROPERTY.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
        self.assertRegex(found, rf"^::error file=till\.yaml,line={line},col=\d+,title={re.escape(title)}::")
        self.assertIn("%0Aactual    1%0A", found)
        self.assertRegex(out.splitlines()[-1], r"^\d+ passed, 1 failed")
        twice = self.sim("run", "wrong.yaml", "also-wrong.yaml", "--github", code=FAILED).stdout
        self.assertEqual(len(re.findall(r"^::error ", twice, re.M)), 1)

    def test_no_more_than_ten(self):
        rows = "".join(f'    "no. {n}": count(calls where outcome == "ok") <= 0\n' for n in range(12))
        self.write("many.yaml", self.till.read_text().replace("expect:\n", rows + "expect:\n"))
        out = self.sim("run", "many.yaml", "--github", code=FAILED).stdout
        titles = re.findall(r"^::error .*title=(.*?)::", out, re.M)
        self.assertEqual((len(titles), len(set(titles))), (10, 10))

    def test_a_document_on_stdout_stays_alone(self):
        done = self.sim("run", "wrong.yaml", "--github", "--json", code=FAILED)
        json.loads(done.stdout)
        self.assertEqual(len(re.findall(r"^::error ", done.stderr, re.M)), 1)

    def test_the_summary_fits_into_what_is_left(self):
        summary = self.folder / "summary.md"
        with mock.patch.dict(os.environ, {"GITHUB_STEP_SUMMARY": str(summary)}):
            self.sim("explore", "till.yaml", *EXPLORE, "--github", code=FAILED)
            text = summary.read_text(encoding="utf-8")
            self.assertIn("0 passed, 1 failed, 0 skipped", text)
            self.assertIn("aivp-sim repro aivp1:", text)
            self.assertNotIn("### nobody wonders <", text)
            summary.write_bytes(b"x" * ((1 << 20) - 100))
            self.sim("run", "wrong.yaml", "--github", code=FAILED)
            self.assertLessEqual(summary.stat().st_size, 1 << 20)


class JUnit(ReportTest):
    def case(self, path):
        (one,) = tree.parse(path).getroot().find("testsuite").findall("testcase")
        return one, {p.get("name"): p.get("value") for p in one.find("properties")}

    def test_of_explore_it_holds_the_block_the_seed_and_the_token(self):
        path = self.folder / "out.xml"
        out = self.sim("explore", "till.yaml", *EXPLORE, "--junit", path, code=FAILED).stdout
        one, properties = self.case(path)
        self.assertEqual(one.get("name"), "Every <b>charge</b> is known")
        self.assertGreater(float(one.get("time")), 0)
        self.assertTrue(one.get("classname"))
        self.assertIn(one.find("failure").text, out)
        self.assertIn(properties["token"], out)
        self.assertEqual(properties["seed"], "1")
        self.assertIn("nobody wonders", self.sim("repro", properties["token"], code=FAILED).stdout)

    def test_of_run_it_names_a_token_that_fails_in_the_same_way(self):
        path = self.folder / "out.xml"
        self.sim("run", "wrong.yaml", "--seed", 7, "--junit", path, code=FAILED)
        one, properties = self.case(path)
        self.assertEqual(properties["seed"], "7")
        failure = json.loads(self.sim("repro", properties["token"], "--json", code=FAILED).stdout)["failure"]
        self.assertEqual(failure["property"], one.find("failure").get("message"))


class Traces(ReportTest):
    def check(self, path):
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
        stacks, times, closed = {}, {}, 0
        for e in events:
            if e["ph"] not in "be":
                continue
            key = (e["cat"], e["id"])
            self.assertGreaterEqual(e["ts"], times.get(key, 0))
            times[key] = e["ts"]
            if e["ph"] == "b":
                self.assertNotIn(key, stacks, "no two of one id overlap")
                stacks[key] = e["name"]
            else:
                self.assertEqual(stacks.pop(key), e["name"])
                closed += 1
        self.assertEqual(stacks, {}, "every b has its e")
        slices = {e["ts"] for e in events if e["ph"] == "X"}
        self.assertEqual(len(slices), sum(e["ph"] == "X" for e in events))
        starts, ends = ({e["id"]: e["ts"] for e in events if e["ph"] == p} for p in "sf")
        self.assertEqual(starts.keys(), ends.keys())
        for flow, at in starts.items():
            self.assertLess(at, ends[flow])
            self.assertLessEqual({at, ends[flow]}, slices)
        self.assertGreaterEqual(closed, 3)
        self.assertGreaterEqual(len(starts), 3)
        return events

    def test_calls_lie_within_their_run_and_faults_are_marked(self):
        token = self.explored()["scenarios"][0]["failures"][0]["token"]
        path = self.folder / "trace.json"
        self.sim("repro", token, "--perfetto", path, code=FAILED)
        events = self.check(path)
        span = {}
        for e in events:
            if e["ph"] in "be":
                span.setdefault(e["id"], []).append(e["ts"])
        for name, (begin, end) in span.items():
            run = span[re.match(r"run \d+", name).group()]
            self.assertTrue(run[0] <= begin <= end <= run[1], name)
        self.assertEqual(sum(e["ph"] == "i" and e["name"].startswith("FAULT skill/old-till/charge") for e in events), 1)

    def test_money_is_counted(self):
        path = self.folder / "trace.json"
        self.run_tool("aivp-sim", "run", "scenarios/limits/budget-of-a-model.yaml", "--perfetto", path, "--record", self.folder)
        spent = [e["args"]["micro_usd"] for e in self.check(path) if e["ph"] == "C"]
        self.assertEqual(spent, sorted(spent))
        self.assertGreater(spent[-1], 0)

    def test_it_is_of_one_run(self):
        self.sim("run", "till.yaml", "--seeds", 2, "--perfetto", "x.json", code=USAGE)
        self.sim("run", "till.yaml", "wrong.yaml", "--perfetto", "x.json", code=USAGE)


class Why(ReportTest):
    def test_it_goes_back_from_a_violation_to_what_started_it(self):
        failure = self.explored()["scenarios"][0]["failures"][0]
        lines = self.sim("why", failure["moment"], failure["token"]).stdout.splitlines()
        self.assertLessEqual(len(lines), 25)
        self.assertIn("starts old-till", lines[1])
        whats = [line[17:].split()[0] for line in lines[1:]]
        self.assertEqual([w for w in whats if w == "FAULT"], ["FAULT"])
        asked, fault = next(n for n, x in enumerate(lines) if "charge(" in x), next(n for n, x in enumerate(lines) if "FAULT" in x)
        answered = next(n for n, x in enumerate(lines) if "charge answers" in x)
        self.assertLess(asked, fault)
        self.assertLess(fault, answered)
        self.assertIn("unknown", lines[answered])
        self.assertTrue(lines[answered].endswith(failure["moment"]))

    def test_the_other_run_is_not_part_of_it_and_long_chains_are_shortened(self):
        self.sim("run", "till.yaml", "--seed", 5, "--perfetto", "trace.json")
        records = [e["args"] for e in json.loads((self.folder / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
        words = ["why", records[-1]["moment"], "till.yaml", "--seed", 5]
        self.assertLessEqual(len(self.sim(*words).stdout.splitlines()), 25)
        chain = json.loads(self.sim(*words, "--json").stdout)["chain"]
        numbers = [line["record"] for line in chain]
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(numbers[-1], records[-1]["record"])
        self.assertGreater(chain[0]["at_us"], 3_000_000_000, "the second run began after an hour")

    def test_a_moment_that_is_none_is_said(self):
        self.assertIn("no moment 1@1", self.sim("why", "1@1", "till.yaml", code=USAGE).stderr)


class Again(ReportTest):
    def files_of(self, *words, code=0):
        report = json.loads(self.sim("run", *words, "--json", code=code).stdout)
        return [s["file"] for s in report["scenarios"]]

    def test_failed_runs_what_failed_until_nothing_does(self):
        self.sim("run", "--failed", code=CONFIG)
        self.sim("run", "till.yaml")
        self.assertFalse((self.folder / ".aivp").exists(), "a run without failures leaves nothing behind")
        self.files_of("till.yaml", "wrong.yaml", "--seed", 3, "--seeds", 2, code=FAILED)
        report = json.loads(self.sim("run", "--failed", "--json", code=FAILED).stdout)
        self.assertEqual([(s["file"], s["seeds"], s["failures"][0]["seed"]) for s in report["scenarios"]], [("wrong.yaml", 2, 3)])
        self.sim("run", "till.yaml", "--failed", code=NOTHING)
        self.wrong.write_text(self.wrong.read_text().replace("total: 3", "total: 2"))
        self.assertEqual(self.files_of("--failed"), ["wrong.yaml"])
        self.sim("run", "--failed", code=NOTHING)

    def test_record_names_the_folder_and_a_broken_record_is_an_error(self):
        self.sim("run", "wrong.yaml", "--record", "here", code=FAILED)
        self.assertFalse((self.folder / ".aivp").exists())
        self.assertEqual(self.files_of("--failed", "--record", "here", code=FAILED), ["wrong.yaml"])
        for text in ("", "[]", "{}", '{"failed":[1],"seed":1,"seeds":1}', '{"failed":["x"],"seed":-1,"seeds":1}', '{"failed":"x","seed":1,"seeds":0}'):
            self.write("here/last-run.json", text)
            self.assertIn("error[", self.sim("run", "--failed", "--record", "here", code=CONFIG).stderr, text)

    def test_shards_are_a_partition_that_does_not_shift(self):
        def shards(folder):
            return [self.json_of("aivp-sim", "run", folder, "--shard", f"{i}/3", "--json", "--record", self.folder)["scenarios"] for i in (1, 2, 3)]

        before = [{s["name"] for s in part} for part in shards("scenarios/limits")]
        everything = {s["name"] for s in self.json_of("aivp-sim", "run", "scenarios/limits", "--json", "--record", self.folder)["scenarios"]}
        self.assertEqual(set().union(*before), everything)
        self.assertEqual(sum(map(len, before)), len(everything))
        shutil.copytree(ROOT / "scenarios", self.folder / "scenarios")
        (self.folder / "fixtures").symlink_to(ROOT / "fixtures")
        (self.folder / "scenarios/limits/aaa.yaml").write_text(self.till.read_text())
        after = [{s["name"] for s in part} for part in shards(self.folder / "scenarios/limits")]
        self.assertEqual([part & everything for part in after], before)
        self.sim("run", "till.yaml", "--shard", "4/3", code=USAGE)

    def test_a_time_budget_ends_in_time_and_says_how_far_it_came(self):
        begun = time.monotonic()
        report = json.loads(self.sim("run", "till.yaml", "--seeds", 10_000_000, "--time-budget", "500ms", "--json").stdout)
        self.assertLess(time.monotonic() - begun, 60)
        self.assertTrue(0 < report["scenarios"][0]["seeds"] < 10_000_000)
        self.sim("run", "till.yaml", "--time-budget", "soon", code=USAGE)
        whole, rounds = (json.loads(self.sim("run", "wrong.yaml", "--seeds", 5, "--json", *w, code=FAILED).stdout)["scenarios"][0] for w in ([], ["--time-budget", "1h"]))
        for part in (whole, rounds):
            del part["outcomes"]
        self.assertEqual(whole, rounds)

    def test_watch_runs_what_changed_and_ends_with_a_signal(self):
        log = self.folder / "log.txt"
        agent = self.write("old-till.yaml", (ROOT / "scenarios/faults/old-till.yaml").read_text())
        self.till.write_text(self.till.read_text().replace(f"{ROOT}/scenarios/faults/old-till.yaml", "old-till.yaml"))
        with log.open("w") as out:
            process = subprocess.Popen([BINARIES["aivp-sim"], "run", "till.yaml", "wrong.yaml", "--watch"], cwd=self.folder, stdout=out, stderr=subprocess.STDOUT)
        self.addCleanup(process.kill)

        def wait_for(rounds):
            end = time.monotonic() + 60
            while time.monotonic() < end and len(re.findall(r"^\d+ passed", log.read_text(), re.M)) < rounds:
                time.sleep(0.1)
            text = log.read_text()
            self.assertEqual(len(re.findall(r"^\d+ passed", text, re.M)), rounds, text)
            return text.splitlines()[-1]

        self.assertEqual(wait_for(1), "1 passed, 1 failed, 0 skipped")
        self.wrong.write_text(self.wrong.read_text().replace("total: 3", "total: 2"))
        self.assertEqual(wait_for(2), "1 passed, 0 failed, 0 skipped")
        agent.write_text(agent.read_text() + "\n")
        self.assertEqual(wait_for(3), "1 passed, 0 failed, 0 skipped")
        self.assertIn("till.yaml", log.read_text().rsplit("skipped\n", 2)[-2])
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)


if __name__ == "__main__":
    main()
