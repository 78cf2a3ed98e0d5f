#!/usr/bin/env python3
"""The daemon as people use it: real processes on a folder of their own, against a world on 127.0.0.1."""
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

import daemon_tools
import world

OK, INTERNAL, USAGE, CONFIG, FAILED, UNREACHABLE, PERSON, INTERRUPTED = 0, 1, 2, 3, 10, 30, 32, 130

UPPER = """import json, sys
request = json.load(sys.stdin)
print("working on", request["call"], file=sys.stderr)
print(json.dumps({"ok": {"text": request["arguments"]["order"].upper()}}))
"""

KV = pathlib.Path(daemon_tools.ROOT / "fixtures/skills")

LOOP = """schema_version: v1alpha1
id: helper
name: Helper
goal: Charge the order.
skill_bindings:
  - {as: charge, use: pay.charge}
model: {name: fake, max_output_tokens: 50}
"""


def wait_until(what, seconds=15.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not become true in time")


class DaemonTest(unittest.TestCase):
    maxDiff = None
    extra = ""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aivpd-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.world = world.World()
        self.addCleanup(self.world.close)
        self.daemon = daemon_tools.Daemon(self.folder)
        self.addCleanup(self.end_daemon)
        for name, takes_key in (("pay.charge", True), ("mail.note", False)):
            self.write(f"skills/{name}.skill.yaml", daemon_tools.skill(name, takes_key=takes_key))
        self.write("skills/text.upper.skill.yaml", daemon_tools.skill("text.upper", effect="none", takes_key=False))
        for name in ("kv.get", "kv.set"):
            shutil.copy(KV / f"{name}.SKILL.md", self.folder / "skills")
        self.write("agents/desk.yaml", daemon_tools.steps_agent("desk", ["text.upper", "pay.charge"]))
        self.write("agents/notes.yaml", daemon_tools.steps_agent("notes", ["mail.note", "pay.charge"]))
        self.write("upper.py", UPPER)
        self.configure()

    def configure(self, extra=""):
        self.write("aivp.yaml", f"""schema_version: daemon.v1
skills:
  text.upper: {{command: [python3, "{{folder}}/upper.py"], sandbox: rlimits, wall_time: 20s}}
  pay.charge: {{http: {{url: "{self.world.url}/charge", key_header: Idempotency-Key, private_addresses: true}}}}
  mail.note: {{http: {{url: "{self.world.url}/note", private_addresses: true}}}}
models:
  fake: {{base_url: "{self.world.url}/v1", api_key_secret: fake_key, private_addresses: true}}
timing: {{stop_grace: 5s}}
{extra}""")

    def end_daemon(self):
        if self.daemon.process and self.daemon.process.poll() is None:
            self.daemon.kill()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def tool(self, *words, code=OK, env=None):
        binary = {"aivp": daemon_tools.AIVP, "aivpd": daemon_tools.AIVPD}[words[0]]
        done = subprocess.run([binary, *map(str, words[1:])], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done

    def json_of(self, *words, code=OK):
        return json.loads(self.tool(*words, "--json", code=code).stdout)

    def begin(self, agent, order="a17"):
        status, answer = self.daemon.ask("POST", "/v1/runs", {"agent": agent, "body": {"order": order}})
        self.assertEqual(status, 200, answer)
        return answer["run"]

    def run_of(self, run):
        return self.daemon.ask("GET", f"/v1/runs/{run}")[1]

    def wait_end(self, run, status="success"):
        shown = wait_until(lambda: (s := self.run_of(run))["run"]["state"] == "finished" and s)
        self.assertEqual(shown["run"]["status"], status, shown)
        return shown

    def hold(self, name, seconds=30.0):
        """Answers of that name come late from now on."""
        self.world.delay = lambda n: seconds if n == name else 0.0

    def asked(self, name):
        return [r for r in self.world.requests if r[0] == name]


class EndToEnd(DaemonTest):
    def test_a_steps_agent_with_a_program_and_an_http_call_without_a_daemon(self):
        done = self.tool("aivp", "run", "agents/desk.yaml", "--body", '{"order": "a17"}')
        self.assertRegex(done.stdout, r"run-1 +agent desk   snapshot #[0-9a-f]{8}")
        self.assertRegex(done.stdout, r"1  \+00:00\.\d{3}  none  text\.upper +\{\"order\":\"a17\"\}\n +ok\n")
        self.assertRegex(done.stdout, r"2  \+\d\d:\d\d\.\d{3}  WRITE pay\.charge +\{\"order\":\"a17\"\}\n +ok   IRREVERSIBLE")
        self.assertIn("outcome   success (ok)", done.stdout)
        self.assertIn("effects   0 reads · 1 write performed (1 irreversible) · 0 refused · 0 failed", done.stdout)
        self.assertEqual(self.world.of("charge", "a17")[0][1], {"order": "a17"})
        shown = self.json_of("aivp", "show", "run-1")
        self.assertEqual([c["as"] for c in shown["calls"]], ["text.upper", "pay.charge"])
        self.assertEqual(shown["calls"][0]["response"], {"text": "A17"})
        self.assertEqual([r["run"] for r in self.json_of("aivp", "ps", "--all")["runs"]], [1])
        self.assertEqual(self.json_of("aivp", "ps")["runs"], [])

    def test_the_daemon_runs_what_is_asked_for_and_answers_questions_about_it(self):
        self.daemon.start()
        done = self.tool("aivp", "run", "desk", "--body", '{"order": "b1"}')
        self.assertIn("outcome   success (ok)", done.stdout)
        self.assertEqual(self.json_of("aivp", "run", "agents/desk.yaml", "--detach", "--body", '{"order": "b2"}')["run"], "run-2")
        self.wait_end("run-2")
        log = self.tool("aivp", "logs", "run-1").stdout
        for event in ("trigger_accepted", "call_intended", "call_settled", "run_finished"):
            self.assertIn(event, log)
        self.assertNotIn("run-2", log)
        self.assertIn("run_finished", self.tool("aivp", "logs").stdout)
        status = self.json_of("aivpd", "status")
        self.assertEqual((status["state"], status["runs"]["finished"], status["error"]), ("ok", 2, None))
        self.assertEqual(self.json_of("aivpd", "check")["ok"], True)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.json_of("aivpd", "check")["records_by_snapshot"], self.json_of("aivpd", "check")["records"])

    def test_a_loop_agent_against_a_server_that_speaks_openai_s_protocol(self):
        self.write("agents/helper.yaml", LOOP)
        self.world.script = [{"calls": [{"name": "charge", "args": {"order": "c3"}}]}, {"content": "Charged c3."}]
        os.environ["AIVP_SECRET_FAKE_KEY"] = "sk-a-secret-nobody-sees"
        self.addCleanup(os.environ.pop, "AIVP_SECRET_FAKE_KEY")
        self.daemon.start()
        done = self.tool("aivp", "run", "helper")
        self.assertIn("answer    Charged c3.", done.stdout)
        self.assertRegex(done.stdout, r"1  \+00:00\.\d{3}  model fake +in 100 out 10")
        self.assertEqual(len(self.world.of("charge", "c3")), 1)
        headers, body = self.world.prompts[0]
        self.assertEqual(headers["Authorization"], "Bearer sk-a-secret-nobody-sees")
        self.assertEqual(body["tools"][0]["function"]["name"], "abstain")
        self.daemon.stop()
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"sk-a-secret", path.read_bytes(), path)

    def test_a_model_without_its_key_fails_with_a_clear_error(self):
        self.write("agents/helper.yaml", LOOP)
        done = self.tool("aivp", "run", "agents/helper.yaml", code=31)
        self.assertIn("secret.unavailable", done.stdout)
        self.assertEqual(self.world.prompts, [])

    def test_values_are_kept_for_later_runs_and_for_one_agent_only(self):
        for name in ("one", "two"):
            self.write(f"agents/{name}.yaml", f"""schema_version: v1alpha1
id: {name}
name: {name}
steps:
  - {{id: before, skill: kv.get, with: {{key: last}}}}
  - {{id: after, skill: kv.set, with: {{key: last, value: seen}}}}
""")
        self.daemon.start()
        seen = []
        for agent in ("one", "one", "two"):
            shown = self.wait_end(self.begin(agent))
            seen.append(shown["calls"][0]["response"])
        self.assertEqual(seen, [{"found": False, "value": None}, {"found": True, "value": "seen", "version": 1}, {"found": False, "value": None}])

    def test_a_question_waits_for_its_answer_across_a_restart(self):
        self.write("agents/asker.yaml", LOOP.replace("id: helper", "id: asker") + "converse: true\n")
        os.environ["AIVP_SECRET_FAKE_KEY"] = "k"
        self.addCleanup(os.environ.pop, "AIVP_SECRET_FAKE_KEY")
        self.world.script = [{"content": "Which order?"}, {"content": "Thank you."}]
        self.daemon.start()
        run = self.begin("asker")
        wait_until(lambda: self.json_of("aivpd", "status")["questions"])
        self.daemon.kill()
        self.daemon.start()
        self.assertIn("Which order?", self.tool("aivp", "logs", run).stdout)
        self.tool("aivp", "answer", run, "The blue one.")
        wait_until(lambda: len(self.world.prompts) == 2)
        self.assertEqual(self.world.prompts[1][1]["messages"][-1]["content"], "The blue one.")
        wait_until(lambda: self.json_of("aivpd", "status")["questions"])
        self.tool("aivp", "answer", run, "--end")
        self.wait_end(run)

    def test_without_a_daemon_nobody_answers_and_the_conversation_ends(self):
        self.write("agents/asker.yaml", LOOP.replace("id: helper", "id: asker") + "converse: true\n")
        self.world.script = [{"content": "Which order?"}]
        done = self.tool("aivp", "run", "agents/asker.yaml", env={"AIVP_SECRET_FAKE_KEY": "k"})
        self.assertIn("asks: Which order?", done.stderr)
        self.assertIn("outcome   success", done.stdout)

    def test_a_log_can_be_followed(self):
        self.daemon.start()
        with subprocess.Popen([daemon_tools.AIVP, "logs", "--follow", "--json"], cwd=self.folder, stdout=subprocess.PIPE,
                              text=True) as follower:
            run = self.begin("desk", "l1")
            types = []
            for line in follower.stdout:
                types += [e["type"] for e in json.loads(line)["events"]]
                if "run_finished" in types:
                    break
            follower.terminate()
        self.assertEqual(types.count("call_intended"), 2)
        self.assertEqual([json.loads(line)["seq"] for line in self.tool("aivp", "logs", "--json").stdout.splitlines()],
                         list(range(1, self.json_of("aivpd", "status")["records"] + 1)))
        self.wait_end(run)

    def test_what_fails_is_a_dead_letter_that_can_be_replayed(self):
        self.world.status = lambda name: 404
        self.daemon.start()
        self.tool("aivp", "run", "desk", "--body", '{"order": "d4"}', code=FAILED)
        self.assertEqual(self.world.of("charge"), [])
        self.world.status = lambda name: 200
        letters = self.json_of("aivp", "dead-letters")["dead_letters"]
        (run,) = [d for d in letters if d["kind"] == "run"]
        again = self.tool("aivp", "dead-letters", "replay", run["id"]).stdout
        self.wait_end(re.search(r"run-\d+", again).group())
        self.assertEqual(len(self.world.of("charge", "d4")), 1)
        self.tool("aivp", "dead-letters", "replay", "dl-999-run", code=CONFIG)

    def test_concurrent_agents_share_commits(self):
        # An agent has one run at a time: forty of them wait for their answers together.
        for i in range(40):
            self.write(f"agents/many{i}.yaml", daemon_tools.steps_agent(f"many{i}", ["pay.charge"] * 5))
        # Answers come at the full half second, so that many come together however fast the machine is.
        self.world.delay = lambda name: 0.5 - time.time() % 0.5
        self.daemon.start()
        before = self.json_of("aivpd", "status")
        runs = [self.begin(f"many{i}", f"m{i}") for i in range(40)]
        for run in runs:
            self.wait_end(run)
        after = self.json_of("aivpd", "status")
        records = after["records"] - before["records"]
        commits = after["store"]["commits"] - before["store"]["commits"]
        self.assertGreaterEqual(records, 40 * 6)
        self.assertLess(commits, records * 0.6, "starts are committed one by one, completions together")


class Crashes(DaemonTest):
    def test_a_keyed_effect_happens_once_and_an_unkeyed_one_waits_for_a_person(self):
        self.daemon.start()
        self.hold("note")
        parked = self.begin("notes", "k1")
        wait_until(lambda: self.asked("note"))
        self.daemon.kill()
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        shown = self.run_of(parked)
        self.assertEqual([c["state"] for c in shown["calls"]], ["parked"])
        self.assertEqual(len(self.asked("note")), 1)
        self.assertIn("PARKED", self.tool("aivp", "ps").stdout)
        behind = self.tool("aivp", "run", "notes", "--body", '{"order": "k9"}', code=PERSON)
        self.assertIn("run-2 waits behind run-1, which waits for a person", behind.stderr)
        self.tool("aivp", "cancel", "run-2")
        self.assertIn("`aivp resolve run-1 call-1` goes on", self.daemon.log_text())
        # It survives the next crash as well.
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.run_of(parked)["calls"][0]["state"], "parked")
        self.hold("charge")
        self.tool("aivp", "resolve", parked, "call-1", "--happened", "--result", '{"done": true}')
        wait_until(lambda: self.asked("charge"))
        self.daemon.kill()
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        self.wait_end(parked)
        charges = self.asked("charge")
        self.assertEqual(len(charges), 2, "it is sent again")
        self.assertEqual(len({key for _, key, _ in charges}), 1, "under its key")
        told = self.tool("aivp", "logs", parked, "--json").stdout
        self.assertEqual([told.count(f'"type":"{e}"') for e in ("trigger_accepted", "call_parked", "call_resent", "run_finished")],
                         [1, 1, 1, 1], "what a recovery did to a run is in its log")
        self.assertIn("run-3 does not exist", self.tool("aivp", "logs", "run-3", code=CONFIG).stderr)
        self.assertEqual(len(self.world.of("charge", "k1")), 1)
        self.assertEqual(len(self.asked("note")), 1)
        self.assertEqual(self.json_of("aivpd", "check")["parked_calls"], 0)

    def test_a_run_without_a_daemon_says_when_a_person_is_needed(self):
        self.hold("note")
        lone = subprocess.Popen([daemon_tools.AIVP, "run", "agents/notes.yaml", "--body", '{"order": "k3"}'], cwd=self.folder,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.asked("note"))
        lone.kill()
        lone.wait()
        self.world.delay = lambda name: 0.0
        done = self.tool("aivp", "run", "agents/notes.yaml", "--body", '{"order": "k4"}', code=PERSON)
        self.assertIn("run-2 waits behind run-1, which waits for a person", done.stderr)
        self.daemon.start()
        self.tool("aivp", "resolve", "run-1", "call-1", "--again")
        self.wait_end("run-1")
        self.wait_end("run-2")
        self.assertEqual([b["order"] for _, _, b in self.asked("note")], ["k3", "k3", "k4"])

    def test_an_interrupted_run_goes_on_later(self):
        self.hold("note", 0.8)
        lone = subprocess.Popen([daemon_tools.AIVP, "run", "agents/notes.yaml", "--body", '{"order": "k5"}'], cwd=self.folder,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.asked("note"))
        lone.send_signal(signal.SIGINT)
        self.assertEqual(lone.wait(10), INTERRUPTED)
        self.assertEqual(self.asked("charge"), [])
        self.daemon.start()
        self.wait_end("run-1")
        self.assertEqual((len(self.asked("note")), len(self.asked("charge"))), (1, 1))

    def test_a_person_can_have_a_parked_call_made_again_or_say_that_it_failed(self):
        self.daemon.start()
        self.hold("note")
        run = self.begin("notes", "k2")
        wait_until(lambda: self.asked("note"))
        self.daemon.kill()
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        self.tool("aivp", "resolve", run, "call-1", code=USAGE)
        self.tool("aivp", "resolve", run, "call-9", "--failed", code=USAGE)
        self.tool("aivp", "resolve", "run-99", "call-1", "--failed", code=CONFIG)
        self.tool("aivp", "resolve", run, "1", "--again", "--note", "looked it up")
        self.wait_end(run)
        self.assertEqual(len(self.asked("note")), 2)

    def test_a_program_dies_with_the_daemon_and_is_started_again(self):
        self.write("upper.py", "import os, time\nopen(os.environ['AIVP_TEST_MARK'], 'a').write(f'{os.getpid()}\\n')\n" +
                   "time.sleep(30 if len(open(os.environ['AIVP_TEST_MARK']).readlines()) == 1 else 0)\n" + UPPER)
        self.configure("limits: {environment: [AIVP_TEST_MARK]}\n")
        mark = self.folder / "mark"
        os.environ["AIVP_TEST_MARK"] = str(mark)
        self.addCleanup(os.environ.pop, "AIVP_TEST_MARK")
        self.daemon.start()
        run = self.begin("desk")
        pid = int(wait_until(lambda: mark.exists() and mark.read_text().endswith("\n") and mark.read_text()))
        self.daemon.kill()
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists() or " Z " in pathlib.Path(f"/proc/{pid}/stat").read_text())
        self.daemon.start()
        self.wait_end(run)
        self.assertEqual(len(mark.read_text().splitlines()), 2)

    def test_pause_resume_and_cancel_are_remembered(self):
        self.daemon.start()
        self.hold("note", 0.5)
        paused, cancelled = self.begin("notes", "p1"), self.begin("notes", "p2")
        wait_until(lambda: self.asked("note"))
        self.tool("aivp", "pause", paused, "--reason", "look first")
        self.tool("aivp", "cancel", cancelled, "--reason", "not needed")
        self.tool("aivp", "pause", paused, code=USAGE)
        wait_until(lambda: self.run_of(paused)["calls"][0]["state"] == "settled")
        self.daemon.kill()
        self.daemon.start()
        time.sleep(0.3)
        self.assertEqual(self.asked("charge"), [])
        self.assertEqual(self.run_of(cancelled)["run"]["code"], "run.cancelled")
        self.assertIn("paused", self.tool("aivp", "ps").stdout)
        self.tool("aivp", "cancel", cancelled, code=CONFIG)
        self.tool("aivp", "resume", paused)
        self.wait_end(paused)
        self.assertEqual([b["order"] for _, _, b in self.asked("charge")], ["p1"])

    def test_a_stop_lets_calls_end_and_the_next_start_goes_on(self):
        self.daemon.start()
        self.hold("note", 0.7)
        run = self.begin("notes", "s1")
        wait_until(lambda: self.asked("note"))
        self.daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in self.daemon.log_text())
        self.assertEqual(self.daemon.ask("POST", "/v1/runs", {"agent": "notes", "body": {"order": "late"}})[1]["error"]["code"],
                         "daemon.unreachable")
        self.assertEqual(self.daemon.process.wait(10), 0)
        self.assertEqual(self.asked("charge"), [], "nothing new was begun")
        self.daemon.start()
        self.wait_end(run)
        self.assertEqual((len(self.asked("note")), len(self.asked("charge"))), (1, 1))

    def test_a_stop_does_not_wait_for_ever_and_a_second_signal_not_at_all(self):
        self.configure()
        self.write("aivp.yaml", (self.folder / "aivp.yaml").read_text().replace("stop_grace: 5s", "stop_grace: 300ms"))
        self.daemon.start()
        self.hold("note")
        run = self.begin("notes", "s2")
        wait_until(lambda: self.asked("note"))
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("1 calls did not end in time", self.daemon.log_text())
        self.configure()
        self.daemon.start()
        self.assertEqual(self.run_of(run)["calls"][0]["state"], "parked")
        self.hold("charge")
        self.tool("aivp", "resolve", run, "1", "--failed")
        other = self.begin("desk", "s3")
        wait_until(lambda: self.asked("charge"))
        self.daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.daemon.log_text().count("stopping") == 2)
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(5), INTERRUPTED)
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        self.wait_end(other)
        self.assertEqual(len(self.world.of("charge", "s3")), 1)


class Folders(DaemonTest):
    def test_a_second_daemon_is_refused_and_a_dead_one_is_no_obstacle(self):
        self.daemon.start()
        done = self.tool("aivpd", "serve", "--foreground", code=CONFIG)
        self.assertIn(f"with pid {self.daemon.process.pid}", done.stderr)
        self.tool("aivpd", "migrate", code=CONFIG)
        pid = self.daemon.process.pid
        self.daemon.kill()
        self.daemon.start()
        self.assertIn(f"process {pid} ended without giving the folder back", self.daemon.log_text())

    def test_without_a_daemon_what_needs_one_says_so(self):
        for words in (("aivpd", "status"), ("aivp", "cancel", "run-1"), ("aivp", "pause", "run-1"), ("aivp", "ps"),
                      ("aivp", "logs", "--follow"), ("aivp", "run", "desk", "--detach")):
            with self.subTest(words):
                self.assertIn("error[AV0921]", self.tool(*words, code=UNREACHABLE).stderr)

    def test_one_rotten_byte_is_found_and_named(self):
        self.tool("aivp", "run", "agents/desk.yaml", "--body", '{"order": "a1"}')
        db = self.folder / ".aivp/aivp.db"
        text = bytearray(db.read_bytes())
        at = text.find(b'"trigger_accepted"')
        self.assertGreater(at, 0)
        text[at + 3] ^= 1
        db.write_bytes(text)
        self.assertRegex(self.tool("aivpd", "check", code=INTERNAL).stderr, r"error\[AV0903\]: .*record \d+")

    def test_a_corrupt_store_is_refused_and_left_alone(self):
        self.tool("aivp", "run", "agents/desk.yaml", "--body", '{"order": "a1"}')
        db = self.folder / ".aivp/aivp.db"
        text = db.read_bytes()
        rotten = text[:4096] + b"\xa5" * (len(text) - 4096)
        db.write_bytes(rotten)
        for words in (("aivpd", "serve", "--foreground"), ("aivpd", "check"), ("aivp", "run", "agents/desk.yaml")):
            self.assertIn("error[AV0903]", self.tool(*words, code=INTERNAL).stderr)
        self.assertEqual(db.read_bytes(), rotten)
        # The backup of the morning is as good as ever.
        db.write_bytes(text)
        self.tool("aivpd", "check")

    def test_a_file_that_is_no_store_is_never_written_over(self):
        (self.folder / ".aivp").mkdir()
        db = self.folder / ".aivp/aivp.db"
        db.write_text("my diary\n" * 100)
        done = self.tool("aivpd", "serve", "--foreground", code=CONFIG)
        self.assertIn("error[AV0909]", done.stderr)
        self.assertEqual(db.read_text(), "my diary\n" * 100)

    def test_a_store_of_a_newer_version_is_refused(self):
        self.tool("aivpd", "migrate", code=CONFIG)
        (self.folder / ".aivp").mkdir()
        self.tool("aivpd", "migrate")
        db = sqlite3.connect(self.folder / ".aivp/aivp.db")
        db.execute("INSERT INTO migrations VALUES (999, 'from the future', 0, 'x')")
        db.commit()
        db.close()
        for words in (("aivpd", "serve", "--foreground"), ("aivpd", "migrate"), ("aivpd", "check")):
            self.assertIn("error[AV0904]", self.tool(*words, code=CONFIG).stderr)

    def test_a_store_at_its_quota_refuses_new_work_and_keeps_what_is_under_way(self):
        self.configure("store: {size_max: 400KiB}\n")
        self.daemon.start()
        big = "x" * 20_000
        for n in range(200):
            status, answer = self.daemon.ask("POST", "/v1/runs", {"agent": "desk", "body": {"order": big}})
            if status != 200:
                break
        self.assertEqual(answer["error"]["code"], "store.full")
        now = self.json_of("aivpd", "status")
        self.assertEqual((now["state"], now["error"]["code"]), ("degraded", "store.full"))
        self.assertIn("degraded", self.daemon.log_text())
        self.assertEqual(self.daemon.ask("POST", "/v1/runs/1/cancel", {})[1]["error"]["code"], "store.full")
        # More room, and it goes on where it was.
        self.daemon.stop()
        self.configure("store: {size_max: 1GiB}\n")
        self.daemon.start()
        wait_until(lambda: self.json_of("aivp", "ps")["runs"] == [], 60)
        runs = self.json_of("aivp", "ps", "--all")["runs"]
        self.assertEqual({r["status"] for r in runs}, {"success"})
        self.assertEqual(len(self.world.of("charge")), len(runs), "what was asked for again was so under its key")
        self.assertTrue(self.json_of("aivpd", "check")["ok"])

    def test_a_full_disk_is_survived_and_work_goes_on_by_itself_when_there_is_room(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, check=False)
        if mounted.returncode != 0:
            print("SKIPPED: a small tmpfs cannot be mounted here")
            self.skipTest("a small tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], capture_output=True, check=False)
        self.configure(f"store: {{path: {disk}/aivp.db}}\n")
        self.daemon.start()
        self.hold("charge", 0.5)
        run = self.begin("desk", "f1")
        wait_until(lambda: self.asked("charge"))
        self.assertIn(run, self.tool("aivp", "ps").stdout)
        ballast = open(disk / "ballast", "wb", buffering=0)
        self.addCleanup(ballast.close)

        def fill():
            """Emptying its log gives the store a little room again, which is taken here."""
            try:
                while True:
                    ballast.write(b"x" * 512)
            except OSError:
                return self.json_of("aivpd", "status")["state"] == "degraded"

        def refused():
            fill()
            status, answer = self.daemon.ask("POST", "/v1/runs", {"agent": "notes", "body": {"order": "f2"}})
            return answer["error"] if status != 200 else None

        wait_until(fill)
        self.assertEqual(wait_until(refused)["code"], "store.full")
        self.assertIn(run, self.tool("aivp", "ps", "--all").stdout, "what is known can be looked at")
        ballast.close()
        (disk / "ballast").unlink()
        wait_until(lambda: self.json_of("aivpd", "status")["state"] == "ok")
        self.wait_end(run)
        self.assertEqual(len(self.asked("charge")), 1, "the answer that came meanwhile was not lost")
        self.wait_end(self.begin("desk", "f3"))

    def test_a_disk_that_becomes_read_only_is_survived(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, check=False).returncode != 0:
            print("SKIPPED: a tmpfs cannot be mounted here")
            self.skipTest("a tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], capture_output=True, check=False)
        self.configure(f"store: {{path: {disk}/aivp.db, journal: rollback}}\n")
        self.daemon.start()
        self.wait_end(self.begin("desk", "r1"))
        # With a file open for writing the kernel refuses to remount; the daemon's own is open, so it is killed first.
        self.daemon.kill()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        self.assertIn("error[AV0907]", self.tool("aivpd", "serve", "--foreground", code=CONFIG).stderr)
        self.assertIn("error[AV0907]", self.tool("aivp", "run", "agents/desk.yaml", code=CONFIG).stderr)
        self.assertEqual(self.json_of("aivp", "show", "run-1")["run"]["status"], "success")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        self.daemon.start()
        self.wait_end(self.begin("desk", "r2"))

    def test_a_second_writer_is_noticed(self):
        self.daemon.start()
        db = sqlite3.connect(self.folder / ".aivp/aivp.db")
        db.execute("UPDATE writer SET epoch = epoch + 1, token = x'00'")
        db.commit()
        db.close()
        status, answer = self.daemon.ask("POST", "/v1/runs", {"agent": "desk", "body": {"order": "w"}})
        self.assertEqual(answer["error"]["code"], "store.fenced")
        self.assertEqual(self.daemon.process.wait(10), INTERNAL)


class Configuration(DaemonTest):
    def test_every_error_is_shown_with_its_place(self):
        self.write("aivp.yaml", """schema_version: daemon.v1
skills:
  pay.charge: {http: {url: "ftp://x/y"}}
  text.upper: {command: [python3], sandbox: firejail}
  mail.note: {}
  kv.get: {command: [a], memory: 12 potatoes}
store: {durability: maybe}
limts: {processes: 3}
""")
        done = self.tool("aivpd", "serve", "--foreground", code=CONFIG)
        for place, code in (("3:28", "AV0213"), ("4:45", "AV0213"), ("5:3", "AV0213"), ("6:34", "AV0213"), ("7:21", "AV0213"), ("8:1", "AV0210")):
            self.assertRegex(done.stderr, rf"error\[{code}\][^\n]*\n  --> aivp.yaml:{place}\n")
        self.assertIn("Did you mean `limits`?", done.stderr)
        self.assertFalse((self.folder / ".aivp").exists())

    def test_agents_are_read_again_on_sighup_and_a_broken_file_leaves_the_old_one_active(self):
        self.daemon.start()
        old = self.json_of("aivpd", "status")["agents"]
        self.assertEqual([a["id"] for a in old], ["desk", "notes"])
        self.write("agents/desk.yaml", daemon_tools.steps_agent("desk", ["text.upper"]))
        self.write("agents/notes.yaml", "schema_version: v1alpha1\nid: notes\nnmae: x\n")
        self.write("agents/third.yaml", daemon_tools.steps_agent("third", ["nobody.knows"]))
        self.write("skills/nobody.skill.yaml", daemon_tools.skill("nobody.knows"))
        self.daemon.process.send_signal(signal.SIGHUP)
        new = wait_until(lambda: len(a := self.json_of("aivpd", "status")["agents"]) == 3 and a)
        self.assertNotEqual(old[0]["snapshot"], new[0]["snapshot"])
        self.assertEqual(old[1]["snapshot"], new[1]["snapshot"])
        self.assertRegex(self.daemon.log_text(), r"agents/notes\.yaml:3:1")
        self.assertIn("does not say how `nobody.knows` is performed", self.daemon.log_text())
        shown = self.wait_end(self.begin("third"), "failure")
        self.assertEqual(shown["calls"][0]["code"], "connector.missing")
        for name in ("notes", "third"):
            (self.folder / f"agents/{name}.yaml").unlink()
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: [a["id"] for a in self.json_of("aivpd", "status")["agents"]] == ["desk"])
        self.tool("aivp", "run", "notes", code=FAILED)

    def test_an_agent_goes_on_although_its_files_are_gone(self):
        self.daemon.start()
        self.hold("note", 1.0)
        run = self.begin("notes", "g1")
        wait_until(lambda: self.asked("note"))
        self.daemon.kill()
        shutil.rmtree(self.folder / "agents")
        shutil.rmtree(self.folder / "skills")
        self.world.delay = lambda name: 0.0
        self.daemon.start()
        self.tool("aivp", "resolve", run, "1", "--failed")
        self.wait_end(run, "failure")

    def test_events_start_the_agents_that_wait_for_them(self):
        self.write("agents/on-mail.yaml", daemon_tools.steps_agent("on-mail", ["pay.charge"]).replace(
            "{type: manual, queue_max: 10000}", "{type: event, event: mail.received}"))
        self.daemon.start()
        self.assertEqual(self.daemon.ask("POST", "/v1/events", {"type": "mail.received", "body": {"order": "e1"}})[0], 200)
        self.wait_end("run-1")
        self.assertEqual(len(self.world.of("charge", "e1")), 1)

    def test_requests_that_are_not_understood_are_answered(self):
        self.daemon.start()
        for method, target, body, status, code in (
                ("GET", "/v1/nothing", None, 404, "io.not_found"), ("DELETE", "/v1/runs", None, 404, "io.not_found"),
                ("GET", "/v1/runs/x", None, 400, "usage.invalid"), ("GET", "/v1/runs/run-9", None, 404, "run.not_found"),
                ("POST", "/v1/runs/run-9/dance", {}, 404, "io.not_found"), ("POST", "/v1/runs/run-9/cancel", {}, 404, "run.not_found"),
                ("POST", "/v1/runs/1/calls/x/resolve", {}, 400, "usage.invalid"), ("GET", "/v1/logs?run=x", None, 400, "usage.invalid"),
                ("POST", "/v1/runs", {}, 404, "trigger.no_agent"), ("POST", "/v1/runs", [1], 404, "trigger.no_agent"),
                ("POST", "/v1/runs", {"file": str(self.folder / "upper.py")}, 400, "config.value"),
                ("POST", "/v1/dead-letters/dl-1-run'/replay", {}, 404, "run.not_found")):
            with self.subTest(target=target, body=body):
                got, answer = self.daemon.ask(method, target, body)
                self.assertEqual((got, answer["error"]["code"]), (status, code))
        self.assertEqual(self.json_of("aivpd", "status")["state"], "ok")

    def test_other_people_cannot_use_the_socket(self):
        self.daemon.start()
        self.assertEqual((self.folder / ".aivp").stat().st_mode & 0o777, 0o700)
        self.assertEqual((self.folder / ".aivp/control.sock").stat().st_mode & 0o077, 0)

    def test_a_schedule_fires_by_itself_and_windows_missed_meanwhile_are_told_of(self):
        self.write("agents/clock.yaml", daemon_tools.steps_agent("clock", ["pay.charge"], "{order: tick}").replace(
            "{type: manual, queue_max: 10000}", "{type: interval, every: 1s}"))
        self.daemon.start()
        wait_until(lambda: len(self.asked("charge")) >= 2)
        self.daemon.kill()
        time.sleep(2.5)
        seen = len(self.asked("charge"))
        self.daemon.start()
        wait_until(lambda: len(self.asked("charge")) >= seen + 2)
        keys = [k for _, k, _ in self.asked("charge")]
        self.assertLessEqual(len(keys) - len(set(keys)), 1, "only the one that the crash cut may be sent again")


if __name__ == "__main__":
    unittest.main(verbosity=1)
