#!/usr/bin/env python3
"""Kills a real aivpd over and over at random moments, and counts what its world has seen.

    ci/bench/kill_loop.py --kills 1000 --aivpd build/release/tools/aivpd/aivpd

Runs are started all the while. At the end every run that was acknowledged must have ended well, with every effect once: a
keyed effect may be asked for again, under its key; an effect without a key must have been asked for once only, and where the
daemon could not know, it must have waited for a person, whom this program plays. Exit code 10 when something is wrong.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/tools"))

KEYED = ("pay.charge", "stock.reserve")
UNKEYED = "mail.note"


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--life-ms", type=int, default=200, help="longest time at work before a kill")
    parser.add_argument("--agents", type=int, default=6)
    parser.add_argument("--durability", default="power-loss-safe", choices=("power-loss-safe", "process-crash-safe"))
    parser.add_argument("--aivpd", default=os.environ.get("AIVPD", str(ROOT / "build/release/tools/aivpd/aivpd")))
    parser.add_argument("--keep", action="store_true", help="leave the folder there")
    return parser.parse_args()


class Loop:
    def __init__(self, o):
        import daemon_tools
        import world

        self.o = o
        self.random = random.Random(o.seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aivp-kill-"))
        self.world = world.World()
        self.world.delay = lambda name: self.random.random() * 0.03
        self.daemon = daemon_tools.Daemon(self.folder)
        self.orders = 0
        self.acknowledged = {}  # order -> run
        self.resolved = collections.Counter()
        self.kills = collections.Counter()
        self.open_seen = 0
        for name in KEYED:
            self.write(f"skills/{name}.skill.yaml", daemon_tools.skill(name, takes_key=True))
        self.write(f"skills/{UNKEYED}.skill.yaml", daemon_tools.skill(UNKEYED, takes_key=False))
        for i in range(o.agents):
            self.write(f"agents/a{i}.yaml", daemon_tools.steps_agent(f"a{i}", [KEYED[0], UNKEYED, KEYED[1]]))
        calls = "".join(f"  {n}: {{http: {{url: \"{self.world.url}/{n}\", private_addresses: true" +
                        (", key_header: Idempotency-Key" if n in KEYED else "") + "}}\n" for n in (*KEYED, UNKEYED))
        self.write("aivp.yaml", f"schema_version: daemon.v1\nskills:\n{calls}store: {{durability: {o.durability}}}\n"
                                "timing: {snapshot_records: 200, heartbeat: 1s}\n")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def ask(self, *words):
        return self.daemon.ask(*words, timeout=5.0)

    def start_one(self):
        self.orders += 1
        order = f"o{self.orders}"
        status, answer = self.ask("POST", "/v1/runs", {"agent": f"a{self.orders % self.o.agents}", "body": {"order": order}})
        if status == 200:
            self.acknowledged[order] = answer["run"]

    def play_the_person(self):
        """Finds out about each parked call, and says so."""
        for run in self.ask("GET", "/v1/runs")[1]["runs"]:
            if not run["parked"]:
                continue
            name = f"run-{run['run']}"
            for call in self.ask("GET", f"/v1/runs/{name}")[1]["calls"]:
                if call["state"] != "parked":
                    continue
                happened = self.has_happened(call["request"])
                if not happened:
                    time.sleep(0.05)  # the request of the one who was killed may still lie in a socket
                    happened = self.has_happened(call["request"])
                finding = {"finding": "happened", "result": {}} if happened else {"finding": "again"}
                if self.ask("POST", f"/v1/runs/{name}/calls/call-{call['call']}/resolve", finding)[0] == 200:
                    self.resolved[finding["finding"]] += 1

    def has_happened(self, arguments):
        return any(n == UNKEYED and b == arguments for n, _, b in list(self.world.requests))

    def live(self):
        """One life; another thread ends it, also in the middle of a request. Some die while they start, most of them at work."""
        self.daemon.start(wait=0)
        life = self.random.random() * self.o.life_ms / 1000
        killer = self.kill_after(life / 3 if self.random.random() < 0.25 else 30.0)
        phase = "starting"
        while self.daemon.process.poll() is None:
            try:
                if phase == "starting":
                    self.ask("GET", "/v1/status")
                    phase = "working"
                    killer.cancel()
                    killer = self.kill_after(life)
                    self.play_the_person()
                if self.random.random() < 0.4:
                    self.start_one()
                else:
                    time.sleep(0.004)
            except (OSError, http.client.HTTPException):
                time.sleep(0.003)
        killer.join()
        if self.daemon.process.returncode != -signal.SIGKILL:
            raise RuntimeError("aivpd ended by itself\n" + self.daemon.log_text()[-3000:])
        self.kills[phase] += 1

    def kill_after(self, seconds):
        killer = threading.Timer(seconds, self.daemon.process.send_signal, (signal.SIGKILL,))
        killer.start()
        return killer

    def finish(self):
        self.daemon.start(wait=30)
        until = time.monotonic() + 300
        while time.monotonic() < until:
            self.play_the_person()
            if not self.ask("GET", "/v1/runs")[1]["runs"]:
                break
            time.sleep(0.05)
        status = self.ask("GET", "/v1/status")[1]
        runs = {}
        for order, run in self.acknowledged.items():
            runs[order] = self.ask("GET", f"/v1/runs/{run}")[1]["run"]
        self.daemon.stop()
        return status, runs

    def report(self, status, runs, seconds):
        wrong = []
        lost = [o for o, r in runs.items() if r["state"] != "finished" or r["status"] != "success"]
        wrong += [f"{o} ({self.acknowledged[o]}) did not end well: {runs[o]}" for o in lost]
        keys = collections.defaultdict(set)
        asked = collections.Counter()
        again = 0
        for name, key, body in self.world.requests:
            asked[name, body["order"]] += 1
            if key:
                again += key in keys[name, body["order"]]
                keys[name, body["order"]].add(key)
        duplicates = 0
        for (name, order), n in sorted(asked.items()):
            effects = n if name == UNKEYED else len(keys[name, order])
            if effects > 1:
                duplicates += 1
                wrong.append(f"{name} of {order} took effect {effects} times")
        for order in self.acknowledged:
            for name in (*KEYED, UNKEYED):
                if not asked[name, order]:
                    wrong.append(f"{name} of {order} never happened")
        check = subprocess.run([self.o.aivpd, "check", "--json"], cwd=self.folder, capture_output=True, text=True)
        if check.returncode:
            wrong.append("aivpd check: " + check.stderr)
        figures = {
            "kills": sum(self.kills.values()), "kills_while_starting": self.kills["starting"], "seconds": round(seconds, 1),
            "runs_acknowledged": len(self.acknowledged), "runs_unacknowledged": self.orders - len(self.acknowledged),
            "runs_lost": len(lost), "effects": len(asked), "effects_duplicated": duplicates,
            "requests": len(self.world.requests), "requests_repeated_under_their_key": again,
            "calls_parked": sum(self.resolved.values()), "parked_and_had_happened": self.resolved["happened"],
            "records": status["records"], "store": json.loads(check.stdout) if check.returncode == 0 else None,
            "durability": self.o.durability, "seed": self.o.seed,
        }
        print(json.dumps(figures))
        for line in wrong[:20]:
            print(line, file=sys.stderr)
        return 10 if wrong else 0


def main():
    o = options()
    os.environ["AIVPD"] = o.aivpd = str(pathlib.Path(o.aivpd).resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `finally`: the daemon is not left behind
    loop = Loop(o)
    begun = time.monotonic()
    try:
        for n in range(o.kills):
            loop.live()
            if sys.stderr.isatty():
                print(f"\r{n + 1} kills", end="", file=sys.stderr)
        status, runs = loop.finish()
        code = loop.report(status, runs, time.monotonic() - begun)
    finally:
        if loop.daemon.process and loop.daemon.process.poll() is None:
            loop.daemon.kill()
        loop.world.close()
        if o.keep:
            print(loop.folder, file=sys.stderr)
        else:
            shutil.rmtree(loop.folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
