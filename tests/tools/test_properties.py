#!/usr/bin/env python3
"""Properties as people state them, break them and miss them."""
from tools import CONFIG, FAILED, ROOT, ToolTest, main

SCENARIO = """schema_version: scenario.v1
name: Two notes are kept
agents: [keeper.yaml]
skills: [{skills}]
duration: 1h
world: {{kv: {{}}}}
triggers: [{{start: keeper, every: 10m, times: 2}}]
properties:
  always:
    a note is kept once: count(ledger where operation == "kv.set" && !duplicate per target) <= {most}
  finally:
    every run ends: count(runs) == count(triggers)
  sometimes:
    a note is kept: count(calls where call == "keep" && outcome == "ok") > 0
    a call is refused: count(refused) > 0
expect:
  runs: {{total: 2, success: 2}}
"""
AGENT = """schema_version: v1alpha1
kind: agent
id: keeper
name: Keeper
skill_bindings: [{as: keep, use: kv.set}]
steps:
  - {id: one, skill: keep, with: {key: note, value: 1}}
"""


class Properties(ToolTest):
    def setUp(self):
        super().setUp()
        self.write("keeper.yaml", AGENT)

    def scenario(self, most=2):
        return self.write("notes.yaml", SCENARIO.format(most=most, skills=ROOT / "fixtures/skills"))

    def test_a_violation_shows_name_place_both_sides_and_moment(self):
        path = self.scenario(most=1)
        text = self.run_tool("aivp-sim", "run", path, code=FAILED).stdout
        self.assertIn(f"property  a note is kept once   {path}:10:26\n", text)
        self.assertIn('expected  count(ledger where operation == "kv.set" && !duplicate per target) <= 1\n', text)
        self.assertIn('actual    2, for target = "note"\n', text)
        self.assertRegex(text, r"moment    [0-9a-f]{4}@600000\n")
        self.assertIn(f"repro     aivp-sim run {path} --seed 1\n", text)
        self.assertRegex(text, r"properties   \d+ of \d+ always held · \d+ of \d+ sometimes reached")

    def test_what_is_never_reached_is_said_and_fails_only_when_that_is_asked_for(self):
        path = self.scenario()
        done = self.run_tool("aivp-sim", "run", path, "--seeds", 3)
        self.assertIn(' · never reached: "a call is refused"', done.stdout)
        self.assertNotIn('"a note is kept"', done.stdout)
        done = self.run_tool("aivp-sim", "run", path, "--seeds", 3, "--require-reached", code=FAILED)
        self.assertIn(f'error[AV0823]: "a call is refused" was never reached\n --> {path}:15:24\n', done.stderr)
        self.assertIn('"gate: a skill that is not bound" was never reached\n --> runtime/engine/gate.cpp:', done.stderr)
        self.assertNotIn('"a note is kept"', done.stderr)

    def test_the_report_has_them(self):
        report = self.json_of("aivp-sim", "run", self.scenario(), "--seeds", 3, "--json")
        own = {p["name"]: p for p in report["scenarios"][0]["properties"]}
        self.assertEqual(own["every run ends"]["evaluations"], 3)
        self.assertEqual([own[n]["reached"] for n in ("a note is kept", "a call is refused")], [True, False])
        self.assertEqual((own["a note is kept once"]["line"], own["a note is kept once"]["column"]), (10, 26))
        self.assertFalse(any(p["violated"] for p in own.values()))
        probes = {p["name"]: p for p in report["probes"]}
        self.assertEqual(probes["run: starts once"]["kind"], "always")
        self.assertGreater(probes["run: starts once"]["hits"], 0)

    def test_they_are_listed_with_their_places(self):
        path = self.scenario()
        text = self.run_tool("aivp-sim", "properties", path).stdout
        self.assertIn("  run.no_starvation ", text)
        self.assertIn(f"  finally     every run ends   {path}:12:21\n              count(runs) == count(triggers)\n", text)
        self.assertNotIn("stated by the code", text)
        text = self.run_tool("aivp-sim", "properties", "--code").stdout
        self.assertRegex(text, r"\n  sometimes +breaker: closes +runtime/reliability/circuit_breaker.cpp:\d+\n")
        listed = self.json_of("aivp-sim", "properties", path, "--json")
        names = [p["name"] for p in listed["probes"]]
        self.assertEqual(names, sorted(set(names)), "sorted, and each name once")
        self.assertEqual([p["mode"] for p in listed["scenarios"]], ["always", "finally", "sometimes", "sometimes"])

    def test_a_mistake_is_shown_where_it_stands(self):
        path = self.scenario(most='"one"')
        text = self.run_tool("aivp-sim", "properties", path, code=CONFIG).stderr
        self.assertIn(f"--> {path}:10:26\n", text)
        self.assertIn("is an integer and is compared with a text", text)


if __name__ == "__main__":
    main()
