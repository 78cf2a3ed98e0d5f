#!/usr/bin/env python3
"""Agents whose decisions come from a program: a real daemon, real programs, and a world on 127.0.0.1. And key-value state of live
agents, their own and shared."""
import json
import pathlib
import shutil
import subprocess
import time
import unittest

import daemon_tools
from test_daemon import FAILED, DaemonTest, wait_until

SAMPLE = daemon_tools.ROOT / "scenarios/process"

AGENT = """schema_version: v1alpha1
kind: process
id: {id}
name: {id}
trigger: {{type: manual, queue_max: 100}}
process:
  command: {command}
  sandbox: rlimits
{process}skill_bindings:
  - {{as: charge, use: pay.charge}}
  - {{as: note, use: mail.note}}
{more}"""

# Charges the order in the first turn, and says in the second one what came of it.
CHARGES = """import json, os, sys, time
turn = json.load(sys.stdin)
with open("{folder}/turns", "a") as log:
    log.write(json.dumps({"pid": os.getpid(), "version": VERSION, "turn": turn["turn"], "run": turn["run"]}) + "\\n")
THINK
if turn["turn"] == 1:
    print(json.dumps({"calls": [{"skill": "charge", "arguments": {"order": turn["trigger"]["order"]}}]}))
else:
    print(json.dumps({"finish": {"version": VERSION, "result": turn["messages"][-1]["content"]}}))
"""


def bwrap_works():
    words = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "/usr/bin/true"]
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=20).returncode == 0
    except OSError:
        return False


class ProcessTest(DaemonTest):
    def agent(self, name="clerk", command="[python3, \"{folder}/decide.py\"]", process="", more=""):
        return self.write(f"agents/{name}.yaml", AGENT.format(id=name, command=command, process=process, more=more))

    def program(self, version=1, think="", name="decide.py"):
        text = CHARGES.replace("VERSION", str(version)).replace("THINK", think).replace("{folder}", str(self.folder))
        return self.write(name, text)

    def shell(self, name, script, process="", more=""):
        return self.agent(name, json.dumps(["sh", "-c", script]), process, more)

    def turns(self):
        path = self.folder / "turns"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def outcome(self, run):
        shown = wait_until(lambda: (s := self.run_of(run))["run"]["state"] == "finished" and s)
        return shown["run"]["status"], shown["run"]["code"], shown["run"]["message"]

    def answer_of(self, run):
        calls = self.run_of(run)["calls"]
        return [c["response"] for c in calls if c["kind"] == "model"][-1]


class EndToEnd(ProcessTest):
    def test_a_program_decides_without_a_daemon(self):
        self.agent()
        self.program()
        done = self.tool("aivp", "run", "agents/clerk.yaml", "--body", '{"order": "a17"}')
        self.assertRegex(done.stdout, r"1  \+00:00\.\d{3}  model process:clerk")
        self.assertRegex(done.stdout, r"2  \+00:\d\d\.\d{3}  WRITE charge +\{\"order\":\"a17\"\}")
        self.assertIn("outcome   success (ok)", done.stdout)
        self.assertEqual(len(self.world.of("charge", "a17")), 1)
        self.assertEqual([t["turn"] for t in self.turns()], [1, 2])
        shown = self.json_of("aivp", "show", "run-1")
        answer = [c["response"] for c in shown["calls"] if c["kind"] == "model"][-1]
        self.assertEqual(json.loads(answer), {"version": 1, "result": {"done": True, "order": "a17"}})
        self.assertEqual([c["cost_usd_micros"] for c in shown["calls"]], [0, 0, 0])

    def test_the_agent_file_of_the_scenarios_runs_unchanged_and_shares_its_values(self):
        for name in ("complaint-desk", "complaint-board", "complaint-diary"):
            shutil.copy(SAMPLE / f"{name}.yaml", self.folder / "agents")
        shutil.copy(SAMPLE / "complaint_desk.py", self.folder)
        if not bwrap_works():
            print("SKIPPED: bwrap does not work here, so the program runs in the profile rlimits")
            desk = self.folder / "agents/complaint-desk.yaml"
            desk.write_text(desk.read_text().replace("  wall_time", "  sandbox: rlimits\n  wall_time"))
        self.daemon.start()
        ends = []
        for _ in range(3):
            before = self.json_of("aivpd", "status")["runs"]["finished"]
            self.daemon.ask("POST", "/v1/events", {"type": "complaint.received", "body": {"customer": "ada"}})
            wait_until(lambda n=before: self.json_of("aivpd", "status")["runs"]["finished"] == n + 1)
            (last, *_) = sorted(self.json_of("aivp", "ps", "--all")["runs"], key=lambda r: -r["run"])
            ends.append(self.outcome(f"run-{last['run']}"))
        self.assertEqual([e[:2] for e in ends], [("success", "ok"), ("success", "ok"), ("skipped", "run.abstained")])
        self.assertIn("ada complains for the 3th time", ends[2][2])
        seen = []
        for agent in ("complaint-diary", "complaint-board", "complaint-diary", "complaint-board"):
            run = self.daemon.ask("POST", "/v1/runs", {"agent": agent, "body": {"customer": "ada"}})[1]["run"]
            seen.append(self.wait_end(run)["calls"][0]["response"]["value"])
        self.assertEqual(seen, [None, 2, "mine", 0])
        # The store knows them apart by their namespaces.
        self.daemon.stop()
        rows = subprocess.run(["python3", "-c", "import sqlite3; print(sqlite3.connect('.aivp/aivp.db').execute("
                               "'SELECT namespace, key FROM kv ORDER BY 1').fetchall())"], cwd=self.folder, capture_output=True,
                              text=True, check=True).stdout
        self.assertIn("('complaint-diary', 'complaints/ada'), ('shared:complaints', 'complaints/ada')", rows)

    def test_what_the_gate_refuses_comes_back_to_the_program(self):
        self.shell("eager", """read -r turn
case "$turn" in
*skill.unknown*) echo '{"finish": "understood"}' ;;
*) echo '{"calls": [{"skill": "erase", "arguments": {}}, {"skill": "charge", "arguments": {"order": 5}}]}' ;;
esac""")
        self.daemon.start()
        run = self.begin("eager")
        self.assertEqual(self.outcome(run)[0], "success")
        self.assertEqual(self.answer_of(run), "understood")
        refused = [c["code"] for c in self.run_of(run)["calls"] if c["state"] == "refused"]
        self.assertEqual(refused, ["skill.unknown", "args.schema"])
        self.assertEqual(self.world.requests, [])

    def test_turns_and_prices_count_against_the_limits_of_the_run(self):
        again = "echo '{\"calls\": [{\"skill\": \"charge\", \"arguments\": {\"order\": \"x\"}}], \"usage\": {\"input\": 600, \"output\": 400}}'"
        self.shell("endless", again, more="limits: {model_turns: 3}\n")
        self.shell("costly", again, "  price: {input_usd_per_mtok: 1000, output_usd_per_mtok: 1000}\n", "limits: {budget_usd: 10}\n")
        self.daemon.start()
        endless, costly = self.begin("endless"), self.begin("costly")
        self.assertEqual(self.outcome(endless)[:2], ("partial", "limit.model_calls"))
        # A turn costs one dollar, and before one more can be asked for, what it may cost at most must fit.
        self.assertEqual(self.outcome(costly)[:2], ("partial", "budget.exhausted"))
        paid = [c["cost_usd_micros"] for c in self.run_of(costly)["calls"] if c["kind"] == "model"]
        self.assertEqual(set(paid), {1_000_000})
        self.assertLess(sum(paid), 10_000_000)

    def test_a_conversation_with_a_program(self):
        self.shell("host", """read -r turn
case "$turn" in *'"role":"user"'*'"role":"user"'*) echo '{"finish": "Goodbye."}' ;; *) echo '{"finish": "Who is there?"}' ;; esac""",
                   more="converse: true\n")
        self.daemon.start()
        run = self.begin("host")
        wait_until(lambda: self.json_of("aivpd", "status")["questions"])
        self.tool("aivp", "answer", run, "Ada.")
        wait_until(lambda: self.answer_of(run) == "Goodbye." and self.json_of("aivpd", "status")["questions"])
        self.tool("aivp", "answer", run, "--end")
        self.assertEqual(self.outcome(run)[0], "success")


class Failures(ProcessTest):
    def test_whatever_a_program_does_ends_its_run_with_a_clear_code_and_the_daemon_goes_on(self):
        cases = {
            "garbage": ("echo hello", "process.protocol", "the agent's program: it wrote no JSON document to stdout"),
            "mute": ("exit 0", "process.protocol", "it wrote nothing to stdout"),
            "twice": ("echo '{\"finish\": 1}'; echo '{\"finish\": 2}'", "process.protocol", "no JSON document"),
            "vague": ("echo '{}'", "process.protocol", "neither"),
            "broken": ("echo no such rule >&2; exit 3", "process.died", "it ended with exit code 3; stderr: no such rule"),
            "shot": ("echo '{\"finish\": 1}'; kill -KILL $$", "process.died", "it was ended by signal 9"),
            "hung": ("sleep 60", "limit.step_time", "was ended after 300ms"),
            "stubborn": ("trap '' TERM; while :; do sleep 1; done", "limit.step_time", "was ended after 300ms"),
            "babbler": ("while :; do echo babble; done", "limit.output", "wrote more than 4096 bytes to stdout"),
            "honest": ("echo '{\"error\": {\"code\": \"no_rules\", \"message\": \"where are they?\"}}'", "model.failed",
                       "the agent's program says: no_rules: where are they?"),
        }
        caps = "  output: 4KiB\n  wall_time: "
        for name, (script, _, _) in cases.items():
            self.shell(name, script, caps + ("300ms\n" if name in ("hung", "stubborn") else "20s\n"))
        self.agent("absent", "[there-is-no-such-program]")
        cases["absent"] = (None, "io.not_found", "there is no program there-is-no-such-program")
        self.daemon.start()
        runs = {name: self.begin(name) for name in cases}
        for name, run in runs.items():
            with self.subTest(name):
                status, code, message = self.outcome(run)
                self.assertEqual((status, code), ("failure", cases[name][1]), message)
                self.assertIn(cases[name][2], message)
        self.agent()
        self.program()
        self.tool("aivp", "run", "agents/clerk.yaml", "--body", '{"order": "after"}')
        self.assertEqual(len(self.world.of("charge", "after")), 1)

    def test_a_program_that_fails_is_asked_again_when_its_agent_says_so(self):
        self.agent(process="  retry: {attempts: 3, delay: 10ms}\n")
        self.program(think="if len(open('{folder}/turns').readlines()) < 3: os.abort()")
        done = self.tool("aivp", "run", "agents/clerk.yaml", "--body", '{"order": "r1"}')
        self.assertIn("outcome   success (ok)", done.stdout)
        self.assertEqual([t["turn"] for t in self.turns()], [1, 1, 1, 2])
        self.assertEqual(len(self.world.of("charge", "r1")), 1)

    def test_a_file_that_is_wrong_is_shown_with_its_place(self):
        self.agent(process="  wall_tiem: 5s\n")
        done = self.tool("aivp", "run", "agents/clerk.yaml", code=3)
        self.assertIn("agents/clerk.yaml:9:3", done.stderr)
        self.assertIn("Did you mean `wall_time`?", done.stderr)

    def test_a_run_that_fails_has_an_exit_code(self):
        self.shell("garbage", "echo hello")
        self.assertIn("process.protocol", self.tool("aivp", "run", "agents/garbage.yaml", code=FAILED).stdout)


class Crashes(ProcessTest):
    def test_a_program_dies_with_the_daemon_and_its_turn_is_asked_for_again(self):
        self.agent()
        self.program(think="time.sleep(30 if len(open('{folder}/turns').readlines()) == 1 else 0)")
        self.daemon.start()
        run = self.begin("clerk", "k1")
        pid = wait_until(self.turns)[0]["pid"]
        self.daemon.kill()
        stat = pathlib.Path(f"/proc/{pid}/stat")
        wait_until(lambda: not stat.exists() or " Z " in stat.read_text())
        self.assertEqual(self.world.requests, [])
        self.daemon.start()
        self.wait_end(run)
        self.assertEqual([t["turn"] for t in self.turns()], [1, 1, 2])
        self.assertEqual(len(self.world.of("charge", "k1")), 1)

    def test_between_two_turns_nothing_is_lost_and_nothing_happens_twice(self):
        self.agent()
        self.program()
        self.daemon.start()
        self.hold("charge")
        run = self.begin("clerk", "k2")
        wait_until(lambda: self.asked("charge"))
        self.daemon.kill()
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        self.wait_end(run)
        self.assertEqual([t["turn"] for t in self.turns()], [1, 2], "the first turn is in the journal and not asked for again")
        self.assertEqual(len({key for _, key, _ in self.asked("charge")}), 1)
        self.assertEqual(len(self.world.of("charge", "k2")), 1)

    def test_a_run_keeps_the_program_that_it_began_with(self):
        self.agent(command="[python3, \"{folder}/one.py\"]")
        self.program(1, name="one.py")
        self.program(2, name="two.py")
        self.daemon.start()
        self.hold("charge")
        old = self.begin("clerk", "v1")
        wait_until(lambda: self.asked("charge"))
        self.agent(command="[python3, \"{folder}/two.py\"]")
        self.assertEqual(self.daemon.ask("POST", "/v1/reload", {})[0], 200)
        new = self.begin("clerk", "v2")
        self.daemon.kill()
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        self.wait_end(old)
        self.wait_end(new)
        self.assertEqual([(t["run"], t["version"], t["turn"]) for t in self.turns()], [(1, 1, 1), (1, 1, 2), (2, 2, 1), (2, 2, 2)])

    def test_a_stop_ends_a_program_after_the_grace_and_the_next_start_asks_again(self):
        self.write("aivp.yaml", (self.folder / "aivp.yaml").read_text().replace("stop_grace: 5s", "stop_grace: 300ms"))
        self.agent()
        self.program(think="time.sleep(30 if len(open('{folder}/turns').readlines()) == 1 else 0)")
        self.daemon.start()
        run = self.begin("clerk", "s1")
        pid = wait_until(self.turns)[0]["pid"]
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists(), "nothing of it is left behind")
        self.daemon.start()
        self.wait_end(run)
        self.assertEqual([t["turn"] for t in self.turns()], [1, 1, 2])

    def test_a_cancelled_run_ends_its_program(self):
        self.agent()
        self.program(think="time.sleep(30)")
        self.daemon.start()
        run = self.begin("clerk", "c1")
        pid = wait_until(self.turns)[0]["pid"]
        self.tool("aivp", "cancel", run)
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists())
        self.assertEqual(self.outcome(run)[1], "run.cancelled")


class State(ProcessTest):
    def keepers(self, **spaces):
        for name, space in spaces.items():
            shared = f"state: {{shared: {space}}}\n" if space else ""
            self.write(f"agents/{name}.yaml", f"""schema_version: v1alpha1
id: {name}
name: {name}
{shared}steps:
  - {{id: before, skill: kv.get, with: {{key: last}}}}
  - {{id: after, skill: kv.set, with: {{key: last, value: {name}}}}}
""")

    def found_by(self, agent):
        return self.wait_end(self.begin(agent))["calls"][0]["response"]["value"]

    def test_agents_with_the_same_namespace_share_values_and_all_others_do_not(self):
        self.keepers(one="desk", two="desk", three="", four="till", desk="")
        self.daemon.start()
        self.assertEqual([self.found_by(a) for a in ("one", "two", "three", "four", "desk")], [None, "one", None, None, None])
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual([self.found_by(a) for a in ("one", "two", "three", "four", "desk")],
                         ["two", "one", "three", "four", "desk"])

    def test_an_agent_that_begins_to_share_finds_what_is_shared_and_keeps_its_own_for_later(self):
        self.keepers(one="desk", two="")
        self.daemon.start()
        self.assertEqual([self.found_by(a) for a in ("one", "two")], [None, None])
        self.keepers(two="desk")
        self.daemon.ask("POST", "/v1/reload", {})
        self.assertEqual(self.found_by("two"), "one")
        self.keepers(two="")
        self.daemon.ask("POST", "/v1/reload", {})
        self.assertEqual(self.found_by("two"), "two")


if __name__ == "__main__":
    unittest.main(verbosity=1)
