#!/usr/bin/env python3
"""The daemon among what goes wrong outside of it: damaged files, folders that cannot be written, what a killed one has left,
programs and callers that misbehave. Each has a clear error or a clean state, and nothing acknowledged is lost."""
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import daemon_tools
from test_daemon import CONFIG, DaemonTest, FAILED, INTERNAL, KV, OK, wait_until

SYNC_OFF = "store: {durability: process-crash-safe}\n"


class Values(DaemonTest):
    COUNTS = 400

    def setUp(self):
        super().setUp()
        for name in ("kv.incr", "kv.list", "kv.delete"):
            shutil.copy(KV / f"{name}.SKILL.md", self.folder / "skills")

    def state_of(self, run):
        """Empty when nothing is known of it; asked of the store, with or without a daemon."""
        done = subprocess.run([daemon_tools.AIVP, "show", run, "--json"], cwd=self.folder, capture_output=True, text=True, check=False)
        return json.loads(done.stdout)["run"]["state"] if done.returncode in (OK, FAILED) else ""

    def test_every_count_counts_once_whenever_the_daemon_is_killed(self):
        steps = "".join(f"  - {{id: step{i}, skill: kv.incr, with: {{key: n, by: {1 + i % 2}}}}}\n" for i in range(self.COUNTS))
        self.write("agents/counter.yaml", "schema_version: v1alpha1\nid: counter\nname: Counter\nstate: {shared: tally}\n"
                   "trigger: {type: manual}\nsteps:\n" + steps + "limits: {skill_calls: 1000}\n")
        self.write("agents/reader.yaml", "schema_version: v1alpha1\nid: reader\nname: Reader\nstate: {shared: tally}\n"
                   "trigger: {type: manual}\nsteps:\n  - {id: get, skill: kv.get, with: {key: n}}\n"
                   "  - {id: list, skill: kv.list}\n")
        draws = random.Random(4)
        run, kills = "run-1", 0
        while kills < 60 and not (kills and self.state_of(run) == "finished"):
            # It goes on counting before anybody can ask it, so it is killed while it starts, too.
            self.daemon.start(wait=0 if kills and self.state_of(run) else 10)
            if not kills or not self.state_of(run):
                asking = subprocess.Popen([daemon_tools.AIVP, "run", "counter", "--detach"], cwd=self.folder,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.addCleanup(asking.wait)
            time.sleep(draws.uniform(0.04, 0.14))
            self.daemon.kill()
            kills += 1
        self.assertGreater(kills, 3)
        self.daemon.start()
        calls = self.wait_end(run)["calls"]
        self.assertEqual([c["response"] for c in calls], [{"value": n + n // 2, "version": n} for n in range(1, self.COUNTS + 1)])
        log = self.tool("aivp", "logs", run, "--json").stdout
        self.assertGreater(log.count('"call_resent"'), 0, f"{kills} kills met no call under way")
        shown = self.wait_end(self.begin("reader"))
        self.assertEqual([c["response"] for c in shown["calls"]],
                         [{"found": True, "value": self.COUNTS * 3 // 2, "version": self.COUNTS}, {"count": 1, "keys": ["n"]}])
        # Keys of runs that have ended are not kept for ever.
        self.assertEqual(self.daemon.stop(), 0)
        rows = subprocess.run(["python3", "-c", "import sqlite3; print(sqlite3.connect('.aivp/aivp.db').execute("
                               "'SELECT count(*) FROM kv_effects').fetchone()[0])"], cwd=self.folder, capture_output=True, text=True,
                              check=True).stdout
        self.assertEqual(rows, "0\n")

    def test_values_of_a_store_of_the_first_schema_are_there_after_the_migration(self):
        self.write("agents/reader.yaml", "schema_version: v1alpha1\nid: reader\nname: Reader\ntrigger: {type: manual}\nsteps:\n"
                   "  - {id: get, skill: kv.get, with: {key: n}}\n  - {id: incr, skill: kv.incr, with: {key: n}}\n")
        self.daemon.start()
        self.assertEqual(self.daemon.stop(), 0)
        script = ("import sqlite3; db = sqlite3.connect('.aivp/aivp.db'); db.executescript('DROP TABLE kv_effects; DROP TABLE "
                  "kv_revision; ALTER TABLE kv DROP COLUMN version; DELETE FROM migrations WHERE version > 1'); db.execute("
                  "\"INSERT INTO kv VALUES ('reader', 'n', x'3431', 1)\"); db.commit()")
        subprocess.run(["python3", "-c", script], cwd=self.folder, check=True)
        self.assertIn("schema 1", self.tool("aivpd", "check", code=CONFIG).stderr)
        self.daemon.start()
        self.assertEqual([c["response"] for c in self.wait_end(self.begin("reader"))["calls"]],
                         [{"found": True, "value": 41, "version": 1}, {"value": 42, "version": 2}])


class Leftovers(DaemonTest):
    """What a killed daemon leaves behind."""

    def setUp(self):
        super().setUp()
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.temporary)
        self.addCleanup(lambda: os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before))
        self.write("upper.py", "import os, sys, time\nopen('mine', 'w').write('x')\n"
                   "open(os.environ['AIVP_TEST_MARK'], 'a').write(os.getcwd() + '\\n')\n"
                   "time.sleep(30 if len(open(os.environ['AIVP_TEST_MARK']).readlines()) == 1 else 0)\n"
                   "print('{\"ok\": {\"text\": \"A\"}}')\n")
        self.configure("limits: {environment: [AIVP_TEST_MARK]}\n")
        self.mark = self.folder / "mark"
        os.environ["AIVP_TEST_MARK"] = str(self.mark)
        self.addCleanup(os.environ.pop, "AIVP_TEST_MARK")

    def there(self):
        return sorted(p.name for p in self.temporary.iterdir())

    def private_folder(self):
        return pathlib.Path(wait_until(lambda: self.mark.exists() and self.mark.read_text().endswith("\n") and
                                       self.mark.read_text().splitlines()[-1]))

    def test_folders_of_programs_are_gone_after_the_next_start(self):
        stranger = self.temporary / "aivp-processes-0123456789abcdef0123456789abcdef"
        stranger.mkdir()
        self.daemon.start()
        self.assertEqual(self.there(), [stranger.name], "nothing is made before a program needs it")
        run = self.begin("desk")
        left = self.private_folder()
        self.assertEqual(left.parent.parent, self.temporary)
        self.assertEqual(left.parent.stat().st_mode & 0o777, 0o700)
        self.daemon.kill()
        self.assertTrue((left / "mine").exists(), "a killed daemon tidies up nothing")
        self.daemon.start()
        self.assertFalse(left.exists())
        self.assertIn(f"removed what programs had left in {left.parent}", self.daemon.log_text())
        self.wait_end(run)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.there(), [stranger.name], "its own are gone, and only its own")
        self.assertFalse((self.folder / ".aivp/scratch").exists())

    def test_a_run_without_a_daemon_tidies_up_as_well(self):
        lone = subprocess.Popen([daemon_tools.AIVP, "run", "agents/desk.yaml", "--body", '{"order": "a"}'], cwd=self.folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        self.private_folder()
        lone.kill()
        lone.wait()
        self.assertEqual(len(self.there()), 1)
        self.tool("aivp", "run", "agents/desk.yaml", "--body", '{"order": "a"}')
        self.assertEqual(self.there(), [])

    def test_without_a_place_for_them_the_daemon_starts_and_says_so(self):
        os.environ["TMPDIR"] = str(self.folder / "nowhere")
        self.daemon.start()
        self.assertIn("the folder for programs' own folders", self.daemon.log_text())
        shown = self.wait_end(self.begin("desk"), "failure")
        self.assertEqual(shown["calls"][0]["code"], "process.start")

    def test_a_lock_file_that_names_nobody_a_dead_one_or_somebody_else_is_no_obstacle(self):
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        mine = {"pid": os.getpid(), "boot": boot, "start_ticks": 1}
        for text in ("", "\0\0\0\0", "4711\n", json.dumps(mine), json.dumps({**mine, "pid": 2 ** 40}),
                     json.dumps({**mine, "boot": "another"}), json.dumps({**mine, "pid": 1}), "x" * 100_000):
            with self.subTest(text[:40]):
                (self.folder / ".aivp").mkdir(mode=0o700, exist_ok=True)
                (self.folder / ".aivp/daemon.lock").write_text(text)
                self.daemon.start()
                self.assertEqual(self.daemon.stop(), 0)
        (self.folder / ".aivp/control.sock").write_text("no socket")
        done = self.tool("aivpd", "serve", "--foreground", code=CONFIG)
        self.assertIn("control.sock is there and is no socket", done.stderr)
        self.assertEqual((self.folder / ".aivp/control.sock").read_text(), "no socket")


class Damage(DaemonTest):
    def lived_in(self):
        """A store of ten runs with snapshot and tables, closed in order; its bytes and what is known of the runs."""
        self.configure(SYNC_OFF)
        self.daemon.start()
        runs = [self.begin("desk", f"o{i}") for i in range(10)]
        for run in runs:
            self.wait_end(run)
        self.assertEqual(self.daemon.stop(), 0)
        return (self.folder / ".aivp/aivp.db").read_bytes(), runs

    def restore(self, data, wal=None):
        for name, text in (("aivp.db", data), ("aivp.db-wal", wal)):
            path = self.folder / ".aivp" / name
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_bytes(text)
        (self.folder / ".aivp/aivp.db-shm").unlink(missing_ok=True)

    def serve_or_refuse(self):
        """None when it is ready, else what it said when it ended; never by a signal."""
        try:
            self.daemon.start()
            return None
        except RuntimeError:
            code = self.daemon.process.poll()
            self.assertIn(code, (INTERNAL, CONFIG), self.daemon.log_text()[-2000:])
            return self.daemon.log_text()

    def test_a_flipped_byte_in_any_page_is_refused_or_harmless(self):
        data, runs = self.lived_in()
        pages = len(data) // 4096
        self.assertGreater(pages, 20)
        draws = random.Random(11)
        refused = served = 0
        for page in sorted({0, 1, 2, *range(3, pages, max(1, pages // 24))}):
            at = page * 4096 + draws.choice((0, 5, 9, 100, draws.randrange(4096), draws.randrange(2048, 4096)))
            damaged = bytearray(data)
            damaged[at] ^= draws.choice((1, 0x80, 0xff))
            with self.subTest(page=page, at=at):
                self.restore(damaged)
                self.daemon.log_path.write_text("")
                said = self.serve_or_refuse()
                if said is not None:
                    refused += 1
                    self.assertRegex(said, r"error\[AV09\d\d\]")
                    continue
                served += 1
                status, answer = self.daemon.ask("GET", "/v1/status")
                self.assertEqual(status, 200)
                self.assertEqual(answer["runs"]["finished"], len(runs))
                # The journal is sound or its damage is named, and it is never told otherwise.
                checked = subprocess.run([daemon_tools.AIVPD, "check"], cwd=self.folder, capture_output=True, text=True, check=False)
                self.assertIn(checked.returncode, (OK, INTERNAL), checked.stderr)
                self.daemon.ask("POST", "/v1/runs", {"agent": "desk", "body": {"order": "after"}})
                self.daemon.kill()
        self.assertGreater(refused, 0)
        self.assertGreater(served, 0)
        self.restore(data)
        self.daemon.start()
        self.wait_end(self.begin("desk", "whole"))
        self.assertEqual(self.json_of("aivpd", "check")["ok"], True)

    def test_a_log_cut_short_anywhere_leaves_what_was_before(self):
        self.configure(SYNC_OFF)
        self.daemon.start()
        for i in range(6):
            self.wait_end(self.begin("desk", f"w{i}"))
        acknowledged = self.json_of("aivpd", "status")["records"]
        self.daemon.kill()
        data = (self.folder / ".aivp/aivp.db").read_bytes()
        wal = (self.folder / ".aivp/aivp.db-wal").read_bytes()
        self.assertGreater(len(wal), 20 * 4096)
        draws = random.Random(5)
        records = []
        for size in [0, 16, 32, *sorted(draws.randrange(33, len(wal)) for _ in range(8)), len(wal) - 1, len(wal)]:
            with self.subTest(size=size):
                self.restore(data, wal[:size])
                self.assertIsNone(self.serve_or_refuse())
                self.assertEqual(self.json_of("aivpd", "status")["state"], "ok")
                self.assertTrue(self.json_of("aivpd", "check")["ok"])
                records.append(self.json_of("aivpd", "status")["records"])
                self.wait_end(self.begin("desk", "after"))
                self.daemon.kill()
        self.assertEqual(records, sorted(records), "more of the log is never less of the journal")
        self.assertGreater(records[-1], records[0])
        self.assertGreaterEqual(records[-1], acknowledged, "of a whole log nothing is lost")

    def test_a_state_folder_that_cannot_be_made_or_used_is_named(self):
        self.write("a-file", "x")
        self.write("other/aivp.db/inside", "x")
        cases = {"a-file/state": "the state folder cannot be made", "a-file": "the state folder is no folder",
                 "/proc/aivp-state": "the state folder cannot be made", "/proc": "daemon.lock", "other": "aivp.db"}
        for state, said in cases.items():
            for words in (("aivpd", "serve", "--foreground"), ("aivp", "run", "agents/desk.yaml")):
                with self.subTest(state=state, words=words):
                    done = subprocess.run([daemon_tools.AIVPD if words[0] == "aivpd" else daemon_tools.AIVP, *words[1:], "--state",
                                           state], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
                    self.assertIn(done.returncode, (INTERNAL, CONFIG), done.stdout + done.stderr)
                    self.assertIn("error[AV", done.stderr)
                    self.assertIn(said, done.stderr)
        self.assertEqual((self.folder / "a-file").read_text(), "x")

    def test_a_folder_on_a_read_only_file_system_is_named(self):
        disk = self.folder / "disk"
        (disk / "state").mkdir(parents=True)
        mount = subprocess.run(["mount", "--bind", disk, disk], capture_output=True, check=False)
        if mount.returncode != 0:
            print("SKIPPED: nothing can be mounted here")
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], capture_output=True, check=False)
        subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
        for state in (disk / "new", disk / "state"):
            done = subprocess.run([daemon_tools.AIVPD, "serve", "--foreground", "--state", state], cwd=self.folder,
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertIn(done.returncode, (INTERNAL, CONFIG), done.stderr)
            self.assertRegex(done.stderr, r"error\[AV\d+\]: .*Read-only file system")

    def test_a_folder_of_somebody_else_is_named(self):
        """As a user who may not: root may everywhere."""
        folder = self.folder / "theirs"
        folder.mkdir(mode=0o755)
        words = [daemon_tools.AIVPD, "serve", "--foreground", "--state"]
        options = {"cwd": "/", "capture_output": True, "text": True, "timeout": 60, "check": False}
        if os.geteuid() == 0:
            try:
                options["user"] = pwd.getpwnam("nobody").pw_uid
            except KeyError:
                print("SKIPPED: there is no user nobody")
                self.skipTest("there is no user nobody")
            self.folder.chmod(0o755)
            probe = subprocess.run([daemon_tools.AIVPD, "--version"], **options)
            if probe.returncode != 0:
                print("SKIPPED: nobody may not start the daemon here")
                self.skipTest("nobody may not start the daemon here")
        else:
            folder.chmod(0o500)
        for state in (folder, folder / "new"):
            done = subprocess.run([*words, state], **options)
            self.assertIn(done.returncode, (INTERNAL, CONFIG), done.stderr)
            self.assertRegex(done.stderr, r"error\[AV\d+\]: .*Permission denied")


class Neighbours(DaemonTest):
    """Programs, services and callers that do not behave."""

    def program(self, script, more=""):
        self.write("upper.py", script)
        self.write("aivp.yaml", (self.folder / "aivp.yaml").read_text().replace("wall_time: 20s}", f"wall_time: 1s, output: 8KiB{more}}}"))

    def test_whatever_a_skill_s_program_does_has_a_clear_end_and_the_daemon_goes_on(self):
        cases = {
            "hung": ("import time\ntime.sleep(60)", "limit.step_time"),
            "stubborn": ("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)", "limit.step_time"),
            "deaf": ("import os, time\nos.close(0); os.close(1); os.close(2)\ntime.sleep(60)", "limit.step_time"),
            "babbler": ("while True: print('babble')", "limit.output"),
            "large": ("print('{\"ok\": \"' + 'x' * 9000 + '\"}')", "limit.output"),
            "complainer": ("import sys\nfor i in range(20000): print('oh dear', file=sys.stderr)\nsys.exit(3)", "process.died"),
            "garbage": ("import sys\nsys.stdout.buffer.write(bytes(range(256)))", "process.protocol"),
            "mute": ("", "process.protocol"),
            "forks": ("import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(60)\nprint('{\"ok\": {\"text\": \"A\"}}')", "ok"),
        }
        self.program("")
        self.write("skills/text.upper.skill.yaml", daemon_tools.skill("text.upper", effect="read", takes_key=False))
        self.daemon.start()
        for name, (script, code) in cases.items():
            with self.subTest(name):
                self.write("upper.py", script)
                run = self.begin("desk", name)
                shown = self.wait_end(run, "success" if code == "ok" else "failure")
                self.assertEqual(shown["calls"][0]["code"], code, shown["calls"][0])
                if code != "ok":
                    self.assertTrue(shown["calls"][0]["message"], shown["calls"][0])
                self.assertEqual(len(self.world.of("charge", name)), code == "ok")
        self.assertEqual(self.json_of("aivpd", "status")["state"], "ok")
        self.assertEqual(self.daemon.stop(), 0)

    def test_an_endless_answer_of_a_service_is_cut_short(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(8)
            listener.settimeout(20)
            port = listener.getsockname()[1]
            self.write("aivp.yaml", (self.folder / "aivp.yaml").read_text().replace(f"{self.world.url}/charge", f"http://127.0.0.1:{port}/"))
            self.daemon.start()
            run = self.begin("desk", "endless")
            talk, _ = listener.accept()
            with talk:
                talk.recv(65536)
                sent = 0
                try:
                    talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while sent < 256 << 20:
                        talk.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                        sent += 65536
                except OSError:
                    pass
            self.assertLess(sent, 64 << 20)
            shown = wait_until(lambda: (s := self.run_of(run))["calls"][-1]["state"] != "open" and s)
            self.assertIn(shown["calls"][-1]["code"], ("limit.output", "skill.outcome_unknown"), shown["calls"][-1])

    def test_callers_of_the_socket_that_do_not_behave_harm_nobody(self):
        self.daemon.start()

        def say(data, wait=True):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(self.daemon.socket)
                try:
                    s.sendall(data)
                except OSError:
                    pass  # it has heard enough
                return s.recv(65536) if wait else b""

        big = b"x" * (32 << 20)
        for data, status in ((b"hello\r\n\r\n", b" 400 "), (b"GET / HTTP/9.9\r\n\r\n", b" 400 "),
                             (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b" 4"),
                             (b"POST /v1/runs HTTP/1.1\r\nHost: d\r\nContent-Length: 33554432\r\n\r\n" + big, b" 413 "),
                             (b"POST /v1/runs HTTP/1.1\r\nHost: d\r\nContent-Length: 7\r\n\r\n{\"a\": [", b" 400 "),
                             (b"POST /v1/runs HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n\xff\xfe", b" 400 "),
                             (b"GET /v1/runs/%zz HTTP/1.1\r\nHost: d\r\n\r\n", b" 400 ")):
            with self.subTest(data[:40]):
                self.assertIn(status, say(data)[:20])
        for data in (b"", b"GET /v1/sta", b"POST /v1/runs HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
            say(data, wait=False)
        idle = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for s in idle:
            s.connect(self.daemon.socket)
        self.assertEqual(self.json_of("aivpd", "status")["state"], "ok")
        for s in idle:
            s.close()
        self.wait_end(self.begin("desk", "still"))


    def test_any_request_made_of_pieces_of_good_ones_is_answered(self):
        self.daemon.start()
        draws = random.Random(9)
        words = ["v1", "runs", "run-1", "1", "calls", "call-1", "resolve", "cancel", "pause", "resume", "answer", "logs", "events",
                 "dead-letters", "dl-3-run", "replay", "status", "reload", "", "..", "%00", "%7F%FF", "run-99999999999999999999"]
        paths = ["v1/status", "v1/runs", "v1/runs", "v1/runs/run-1", "v1/runs/run-7/cancel", "v1/runs/run-1/pause", "v1/events",
                 "v1/runs/run-1/answer", "v1/runs/run-1/calls/call-1/resolve", "v1/dead-letters", "v1/dead-letters/dl-3-run/replay"]
        values = [None, {}, [], 0, "x", True, {"agent": "desk"}, {"agent": 7}, {"agent": "desk", "body": {"order": "p"}},
                  {"file": "/etc/passwd"}, {"file": ["a"]}, {"file": "agents/desk.yaml"}, {"type": None}, {"type": "t", "body": []},
                  {"finding": "happened"}, {"finding": {}}, {"text": 1, "ended": "yes"}, {"reason": ["r"] * 50}, {"body": {"order": "\u0000"}}]
        codes = set()
        for _ in range(400):
            path = draws.choice(paths).split("/") if draws.random() < 0.7 else ["v1", *draws.choices(words, k=draws.randrange(5))]
            if draws.random() < 0.3:
                path[draws.randrange(len(path))] = draws.choice(words)
            target = "/" + "/".join(path)
            target += draws.choice(["", "?all=1", "?run=run-1", "?from=x", "?from=99999999999999999999", "?run=%27%20OR%201"])
            method = draws.choice(["GET", "POST", "POST", "PUT"])
            status, answer = self.daemon.ask(method, target, draws.choice(values)) if "logs" not in target else (404, {"error": {"code": "-"}})
            self.assertIn(status, (200, 400, 403, 404, 409), (method, target, answer))
            codes.add(answer["error"]["code"] if status != 200 else "ok")
        self.assertLessEqual({"ok", "io.not_found", "run.not_found", "usage.invalid", "trigger.no_agent"}, codes)
        self.wait_end(self.begin("desk", "after"))
        self.assertTrue(self.json_of("aivpd", "check")["ok"])


class Words(DaemonTest):
    """What is said when something is missing names what helps."""

    def test_an_unknown_agent_is_told_which_there_are(self):
        self.daemon.start()
        said = self.tool("aivp", "run", "dsek", code=FAILED).stderr
        self.assertIn("no agent `dsek` is active; active are desk, notes", said)
        self.assertIn("`aivp run FILE`", said)

    def test_a_body_that_does_not_fit_is_told_how_to_give_one(self):
        self.write("agents/desk.yaml", daemon_tools.steps_agent("desk", ["pay.charge"]).replace(
            "queue_max: 10000}", "payload: {type: object, required: [order]}}"))
        self.daemon.start()
        self.assertIn("--body '{", self.tool("aivp", "run", "desk", code=FAILED).stderr)
        for words in (("logs", "run-77"), ("logs", "run-77", "--follow"), ("show", "run-77"), ("cancel", "run-77")):
            self.assertIn("run-77 does not exist", self.tool("aivp", *words, code=CONFIG).stderr)

    def test_a_folder_without_agents_and_a_model_without_a_place_are_told_what_to_write(self):
        shutil.rmtree(self.folder / "agents")
        self.write("aivp.yaml", "schema_version: daemon.v1\n")
        self.write("helper.yaml", "schema_version: v1alpha1\nid: helper\nname: Helper\ngoal: Help.\nskill_bindings: [{as: charge, use: pay.charge}]\n"
                   "model: {name: fake, max_output_tokens: 50}\n")
        self.daemon.start()
        self.assertIn("there is no folder agents/", self.daemon.log_text())
        self.assertIn("add it below `models:` in aivp.yaml", self.tool("aivp", "run", "helper.yaml", code=CONFIG).stdout)
        self.assertIn("below `skills:` in aivp.yaml", self.daemon.log_text())


    def test_what_the_configuration_names_and_is_not_there_is_told_at_the_start(self):
        self.write("secrets/k", "x")
        (self.folder / "secrets").chmod(0o755)
        self.write("no-program", "x")
        self.write("aivp.yaml", """schema_version: daemon.v1
secrets: secrets
ca_file: nowhere.pem
skills:
  text.upper: {command: [no-such-program-anywhere], sandbox: rlimits}
  mail.note: {command: ["{folder}/no-program"], sandbox: rlimits}
  pay.charge: {command: [python3, "{folder}/upper.py"], sandbox: rlimits}
""")
        self.daemon.start()
        self.daemon.stop()
        said = self.daemon.log_text()
        for text in ("may be looked into by others", "nowhere.pem cannot be read", "skill `text.upper`: there is no program no-such-program-anywhere",
                     "skill `mail.note`: " + str(self.folder / "no-program") + " is not a program that may be executed"):
            self.assertIn(text, said)
        self.assertNotIn("skill `pay.charge`: ", said)
        shutil.rmtree(self.folder / "secrets")
        self.daemon.start()
        self.assertIn("secrets is not there", self.daemon.log_text())


class Status(unittest.TestCase):
    def test_violated_statements_about_the_code_are_shown(self):
        """What aivpd says of itself is not to be had without a defect: here somebody else says it."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="aivpd-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / ".aivp").mkdir(mode=0o700)
        daemon = daemon_tools.Daemon(folder).start()
        self.addCleanup(daemon.kill)
        status = daemon.ask("GET", "/v1/status")[1]
        self.assertEqual(status["probes"]["violated"], [])
        self.assertGreater(status["probes"]["known"], status["probes"]["reached"])
        plain = self.status_text(folder)
        self.assertNotIn("defects", plain)
        daemon.stop()
        status["probes"]["violated"] = [{"count": 3, "kind": "always", "name": "a lease has one holder", "where": "runtime/engine/x.cpp:7"},
                                        {"count": 1, "kind": "unreachable", "name": "\x1b[31mred", "where": "y.cpp:8"}]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(daemon.socket)
            listener.listen(1)
            listener.settimeout(20)
            asking = subprocess.Popen([daemon_tools.AIVPD, "status"], cwd=folder, stdout=subprocess.PIPE, text=True)
            talk, _ = listener.accept()
            with talk:
                talk.recv(65536)
                body = json.dumps(status).encode()
                talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                shown = asking.communicate(timeout=20)[0]
        self.assertIn("  defects   2 statements about aivpd's own code violated since its start; please report them\n"
                      "            runtime/engine/x.cpp:7   always: a lease has one holder   3 times\n", shown)
        self.assertNotIn("\x1b", shown)

    def status_text(self, folder):
        return subprocess.run([daemon_tools.AIVPD, "status"], cwd=folder, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    unittest.main(verbosity=1)
