#!/usr/bin/env python3
"""Lets a real aivpd work for a long time in a world that misbehaves, and watches what it takes.

    ci/bench/soak.py --minutes 30 --aivpd build/release/tools/aivpd/aivpd --aivp build/release/tools/aivp/aivp

200 agents on 127.0.0.1: schedules, events, starts by hand and `aivp run`; models, HTTP calls, programs that hang and are killed;
answers that are late, cut, wrong or none; cancelled and paused runs; files that change. Memory, descriptors, threads, children
and the store are sampled all the while. At the end everything must have ended, every effect once, and the store must be whole.
Exit code 10 when something is wrong, or when what it takes grows beyond the bounds.
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
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/tools"), str(ROOT / "ci/bench")]
sys.dont_write_bytecode = True

import daemon_tools  # noqa: E402
import faulty_world  # noqa: E402

# Bounds on what may grow. Over a short time the database's cache still fills: until so many runs that much is no growth.
RSS_KIB_PER_1000_RUNS = 64
RSS_NOISE_KIB = 1024
CACHE_KIB = 12 * 1024
CACHE_FULL_RUNS = 6000
FDS_GROWTH = 8
THREADS_GROWTH = 0
WALL_TIME = 2.0  # seconds that a program and an answer have
IDLE_SECONDS = 17  # connections are kept for 15 s
CHANGING_AGENTS = 5

RETRY = "retry: {attempts: 4, delay: 100ms, delay_max: 1s}\n"
# id -> (effect, takes a key, more of the skill file)
SKILLS = {
    "web.look": ("read", False, RETRY),
    "pay.charge": ("write", True, RETRY),
    "stock.reserve": ("write", True, RETRY + "rate_limit: {count: 40, per: 1s, burst: 10}\n"
                      "breaker: {window: 10s, calls_min: 10, failures: 60%, open_for: 1s, probe_timeout: 3s}\n"),
    "mail.note": ("write", False, ""),
    "tool.run": ("read", False, "retry: {attempts: 2, delay: 100ms}\n"),
}
# A steps agent does one of these, whatever becomes of the steps before the last.
WORK = [["web.look", "pay.charge"], ["pay.charge", "stock.reserve"], ["web.look", "mail.note", "stock.reserve"],
        ["kv.set", "web.look", "pay.charge"], ["tool.run", "pay.charge"]]

PROGRAM = """#!/bin/sh
n=$(od -An -N1 -tu1 /dev/urandom)
case $((n % 25)) in
    0) sleep 600 & exec sleep 600 ;;
    1) exit 3 ;;
    2) echo nonsense ;;
    3) head -c 300000 /dev/zero | tr '\\0' x ;;
    4) kill -9 $$ ;;
    *) echo '{"ok": {"done": true}}' ;;
esac
"""

LOOP = """schema_version: v1alpha1
id: {id}
name: {name}
goal: Charge the order.
trigger: {{type: manual, queue_max: 50}}
skill_bindings:
  - {{as: charge, use: pay.charge}}
  - {{as: look, use: web.look}}
model:
  name: fake
  retry: {{attempts: 4, delay: 100ms, delay_max: 1s, attempt_timeout: 2s}}
limits: {{run_timeout: 2m}}
"""


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10.0, help="starts by hand in a second; schedules and events come on top")
    parser.add_argument("--reload", type=float, default=20.0, help="seconds between two changes of an agent file")
    parser.add_argument("--sample", type=float, default=2.0, help="seconds between two samples")
    parser.add_argument("--rss-kib", type=float, default=RSS_KIB_PER_1000_RUNS, help="bound on growth for 1,000 runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", help="all samples go there")
    parser.add_argument("--aivpd", default=os.environ.get("AIVPD", str(ROOT / "build/release/tools/aivpd/aivpd")))
    parser.add_argument("--aivp", default=os.environ.get("AIVP", str(ROOT / "build/release/tools/aivp/aivp")))
    parser.add_argument("--keep", action="store_true", help="leave the folder there")
    return parser.parse_args()


class Sampler:
    """What a process takes, from /proc."""

    COLUMNS = ("seconds", "runs", "rss_kib", "anon_kib", "fds", "threads", "children", "zombies", "store_kib", "open")

    def __init__(self, daemon):
        self.daemon = daemon
        self.rows = []
        self.zombies = collections.Counter()  # pid -> samples in which it was one

    def take(self, seconds, status):
        pid = self.daemon.process.pid
        about = {}
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            about[name] = value.split()[0] if value.split() else ""
        children = 0
        dead = set()
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            state, parent = text.rpartition(")")[2].split()[:2]
            if int(parent) == pid:
                children += 1
                if state == "Z":
                    dead.add(stat.parent.name)
        for old in list(self.zombies):
            if old not in dead:
                del self.zombies[old]
        self.zombies.update(dead)
        folder = self.daemon.folder / ".aivp"
        size = sum(f.stat().st_size for f in folder.glob("aivp.db*")) // 1024
        runs = status["runs"]
        row = (round(seconds, 1), runs["finished"], int(about["VmRSS"]), int(about["RssAnon"]),
               len(os.listdir(f"/proc/{pid}/fd")), int(about["Threads"]), children,
               sum(n > 1 for n in self.zombies.values()), size, runs["running"] + runs["waiting"])
        self.rows.append(dict(zip(self.COLUMNS, row)))
        return self.rows[-1]

    def column(self, name, rows=None):
        return [r[name] for r in (self.rows if rows is None else rows)]

    def last_two_thirds(self):
        return self.rows[len(self.rows) // 3:]


def slope(xs, ys):
    """Least squares."""
    return statistics.linear_regression(xs, ys).slope if len(set(xs)) > 1 else 0.0


class Soak:
    def __init__(self, o):
        self.o = o
        self.random = random.Random(o.seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aivp-soak-"))
        self.world = faulty_world.FaultyWorld(o.seed, hang_seconds=WALL_TIME + 1)
        self.daemon = daemon_tools.Daemon(self.folder)
        self.sampler = Sampler(self.daemon)
        self.by_hand = []
        self.loops = []
        self.scheduled = []
        self.events = set()
        self.orders = 0
        self.acknowledged = {}  # run -> order
        self.refused = collections.Counter()
        self.done = collections.Counter()  # what this program did
        self.paused = []
        self.commands = []
        self.wrong = []
        self.write_files()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def write_files(self):
        for name, (effect, takes_key, more) in SKILLS.items():
            text = daemon_tools.skill(name, effect, takes_key, timeout=f"{WALL_TIME:g}s")
            self.write(f"skills/{name}.skill.yaml", text.replace("outputs:\n", "outputs:\n  required: [done]\n") + more)
        shutil.copy(ROOT / "fixtures/skills/kv.set.SKILL.md", self.folder / "skills")
        self.write("tool.sh", PROGRAM).chmod(0o755)
        for i in range(self.o.agents):
            self.write_agent(i)
        calls = "".join(f"  {n}: {{http: {{url: \"{self.world.url}/{n}\", private_addresses: true" +
                        (", key_header: Idempotency-Key" if takes_key else "") + "}}\n"
                        for n, (_, takes_key, _) in SKILLS.items() if n != "tool.run")
        self.write("aivp.yaml", f"""schema_version: daemon.v1
skills:
  tool.run: {{command: ["{{folder}}/tool.sh"], sandbox: rlimits, wall_time: {WALL_TIME:g}s, memory: 64MiB, output: 64KiB}}
{calls}models:
  fake: {{base_url: "{self.world.url}/v1", api_key_secret: fake_key, private_addresses: true}}
timing: {{snapshot_time: 1m, heartbeat: 2s}}
""")

    def write_agent(self, i, version=1):
        """Of twenty agents ten have a schedule, four wait for events, four are started by hand, and two have a model."""
        name, kind = f"a{i}", i % 20
        if kind >= 18:
            self.loops.append(name)
            self.write(f"agents/{name}.yaml", LOOP.format(id=name, name=f"{name} version {version}"))
            return
        order = f"{name}-${{trigger.order}}"
        if kind < 10:
            self.scheduled.append(name)
            order = name
            trigger = f"{{type: interval, every: {5 + i * 7 % 26}s, overlap: {('refuse', 'queue')[i % 2]}, queue_max: 3}}"
        elif kind < 14:
            self.events.add(f"soak.e{i % 8}")
            trigger = f"{{type: event, event: soak.e{i % 8}, queue_max: 20}}"
        else:
            self.by_hand.append(name)
            order = "${trigger.order}"
            trigger = "{type: manual, queue_max: 50}"
        work = WORK[i % len(WORK)]
        steps = "".join(f"  - {{id: s{n}, skill: {s}, with: {self.arguments(s, order)}" +
                        ("" if n == len(work) - 1 else ", on_error: continue") + "}\n" for n, s in enumerate(work))
        self.write(f"agents/{name}.yaml", f"schema_version: v1alpha1\nid: {name}\nname: {name} version {version}\n"
                   f"trigger: {trigger}\nlimits: {{run_timeout: 2m}}\nsteps:\n{steps}")

    def arguments(self, skill, order):
        return f'{{key: last, value: "{order}"}}' if skill == "kv.set" else f'{{order: "{order}"}}'

    def ask(self, *words):
        return self.daemon.ask(*words, timeout=20.0)

    # ---- what people and programs do meanwhile ----

    def next_order(self):
        self.orders += 1
        return f"o{self.orders}"

    def start_one(self):
        order = self.next_order()
        agent = self.random.choice(self.by_hand + self.loops)
        status, answer = self.ask("POST", "/v1/runs", {"agent": agent, "body": {"order": order}})
        if status == 200:
            self.acknowledged[int(answer["run"][4:])] = order
        else:
            self.refused[answer["error"]["code"]] += 1

    def publish(self):
        self.ask("POST", "/v1/events", {"type": self.random.choice(sorted(self.events)), "body": {"order": self.next_order()}})
        self.done["events"] += 1

    def run_command(self):
        """A person at a terminal, who waits for the end every other time."""
        self.commands = [c for c in self.commands if c.poll() is None]
        if len(self.commands) >= 4:
            return
        agent = self.random.choice(self.by_hand)
        words = [self.o.aivp, "run", f"agents/{agent}.yaml", "--body", json.dumps({"order": self.next_order()})]
        self.done["commands"] += 1
        self.commands.append(subprocess.Popen(words + ["--detach"] * (self.done["commands"] % 2), cwd=self.folder,
                                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def interfere(self):
        """Cancels a run, or pauses one and lets an earlier one go on."""
        if self.paused:
            self.ask("POST", f"/v1/runs/run-{self.paused.pop(0)}/resume", {})
        runs = [r["run"] for r in self.ask("GET", "/v1/runs")[1]["runs"] if r["state"] == "running" and not r["paused"]]
        if not runs:
            return
        run = self.random.choice(runs)
        action = self.random.choice(("cancel", "pause"))
        if self.ask("POST", f"/v1/runs/run-{run}/{action}", {"reason": "soak"})[0] == 200:
            self.done[action] += 1
            if action == "pause":
                self.paused.append(run)

    def look(self):
        if self.acknowledged:
            self.ask("GET", f"/v1/runs/run-{self.random.choice(list(self.acknowledged))}")
        self.ask("GET", "/v1/dead-letters")

    def change_files(self):
        """Always the same few: an agent that is read again no longer shares its skills with the others, and takes more for good."""
        self.done["reloads"] += 1
        before = self.loops, self.by_hand, self.scheduled
        self.loops, self.by_hand, self.scheduled = [], [], []
        self.write_agent(self.random.randrange(min(CHANGING_AGENTS, self.o.agents)), version=self.done["reloads"] + 1)
        self.loops, self.by_hand, self.scheduled = before
        self.ask("POST", "/v1/reload", {})

    def break_down(self):
        """One of the services fails for a while."""
        if self.world.down:
            self.world.down.clear()
        else:
            self.world.down.add("stock.reserve")

    # ---- the course ----

    def work(self):
        """Each of these once in so many seconds."""
        plan = [(1 / self.o.rate, self.start_one), (1.0, self.publish), (5.0, self.run_command), (2.0, self.interfere),
                (3.0, self.look), (self.o.reload, self.change_files), (30.0, None), (self.o.sample, self.sample)]
        begun = time.monotonic()
        self.begun = begun
        self.shown_at = -1e9
        due = [begun + every for every, _ in plan]
        end = begun + self.o.minutes * 60
        while time.monotonic() < end:
            self.must_live()
            now = time.monotonic()
            for n, (every, action) in enumerate(plan):
                if due[n] > now:
                    continue
                # What could not be done in time is left out, but for single starts.
                due[n] = max(due[n] + every, now - 1.0)
                if action:
                    action()
                else:
                    self.break_down()
                    due[n] = now + (4.0 if self.world.down else 30.0)
            time.sleep(max(0.0, min(min(due), end) - time.monotonic()))
        self.worked_seconds = time.monotonic() - begun

    def must_live(self):
        if self.daemon.process.poll() is not None:
            raise RuntimeError(f"aivpd ended with {self.daemon.process.returncode}\n{self.daemon.log_text()[-3000:]}")

    def sample(self):
        status = self.ask("GET", "/v1/status")[1]
        if status["state"] != "ok":
            self.wrong.append(f"the daemon is {status['state']}: {status['error']}")
        row = self.sampler.take(time.monotonic() - self.begun, status)
        if row["seconds"] - self.shown_at >= max(10.0, self.o.minutes * 60 / 30):
            self.show(row)

    def show(self, row):
        if self.shown_at < 0:
            print(" ".join(f"{name:>9}" for name in Sampler.COLUMNS))
        self.shown_at = row["seconds"]
        print(" ".join(f"{row[name]:>9}" for name in Sampler.COLUMNS), flush=True)

    def wind_down(self):
        """Nothing new begins; agents without work are retired until none is left."""
        self.world.down.clear()
        for run in self.paused:
            self.ask("POST", f"/v1/runs/run-{run}/resume", {})
        for command in self.commands:
            command.wait(180)
        for agent in (self.folder / "agents").iterdir():
            agent.unlink()
        until = time.monotonic() + 240
        while time.monotonic() < until:
            self.must_live()
            self.ask("POST", "/v1/reload", {})
            status = self.ask("GET", "/v1/status")[1]
            if not status["agents"] and not status["runs"]["running"] + status["runs"]["waiting"]:
                break
            time.sleep(0.2)
        else:
            self.wrong.append(f"it did not come to rest: {status['runs']}, {len(status['agents'])} agents")
        time.sleep(IDLE_SECONDS)
        self.at_rest = self.sampler.take(time.monotonic() - self.begun, self.ask("GET", "/v1/status")[1])
        self.sampler.rows.pop()
        self.show(self.at_rest)
        self.ask("GET", "/v1/runs?all=1")
        if (code := self.daemon.stop()) != 0:
            self.wrong.append(f"aivpd ended with {code}")

    # ---- what must hold ----

    def check_growth(self):
        rows = self.sampler.last_two_thirds()
        runs, rss, fds = (self.sampler.column(c, rows) for c in ("runs", "rss_kib", "fds"))
        hours = [s / 3600 for s in self.sampler.column("seconds", rows)]
        per_1000 = slope([r / 1000 for r in runs], rss)
        growth = per_1000 * (runs[-1] - runs[0]) / 1000
        allowed = RSS_NOISE_KIB + (CACHE_KIB if runs[0] < CACHE_FULL_RUNS else 0)
        if per_1000 > self.o.rss_kib and growth > allowed:
            self.wrong.append(f"memory grows by {per_1000:.0f} KiB for 1,000 runs ({growth:.0f} KiB in all)")
        half = len(rows) // 2
        if statistics.median(fds[half:]) > statistics.median(fds[:half]) + FDS_GROWTH:
            self.wrong.append("descriptors grow: " + str(fds[:: max(1, len(fds) // 20)]))
        if self.at_rest["fds"] > self.idle["fds"] + FDS_GROWTH:
            self.wrong.append(f"at rest {self.at_rest['fds']} descriptors are open, before the work it were {self.idle['fds']}")
        if self.at_rest["threads"] > self.idle["threads"] + THREADS_GROWTH:
            self.wrong.append(f"at rest there are {self.at_rest['threads']} threads, before the work {self.idle['threads']}")
        if self.at_rest["children"]:
            self.wrong.append(f"at rest there are {self.at_rest['children']} children")
        if any(self.sampler.column("zombies")):
            self.wrong.append("children that have ended were not taken note of")
        return {"rss_kib_per_1000_runs": round(per_1000, 1), "rss_mib_per_hour": round(slope(hours, rss) / 1024, 2),
                "anon_kib_per_1000_runs": round(slope([r / 1000 for r in runs], self.sampler.column("anon_kib", rows)), 1),
                "rss_kib": {"idle": self.idle["rss_kib"], "most": max(self.sampler.column("rss_kib")),
                            "at_rest": self.at_rest["rss_kib"]},
                "fds": {"idle": self.idle["fds"], "most": max(self.sampler.column("fds")), "at_rest": self.at_rest["fds"]},
                "threads": {"idle": self.idle["threads"], "at_rest": self.at_rest["threads"]},
                "children_most": max(self.sampler.column("children")),
                "store_kib_per_1000_runs": round(slope([r / 1000 for r in runs], self.sampler.column("store_kib", rows)))}

    def check_store(self):
        check = subprocess.run([self.o.aivpd, "check", "--json"], cwd=self.folder, capture_output=True, text=True)
        if check.returncode:
            self.wrong.append("aivpd check: " + check.stderr)
        db = sqlite3.connect(f"file:{self.folder}/.aivp/aivp.db?mode=ro", uri=True)
        rows = lambda sql: db.execute(sql).fetchall()  # noqa: E731
        runs = {r[0]: r[1:] for r in rows("SELECT run, state, status, json_extract(body, '$.order') FROM v_runs")}
        left = [n for n, (state, _, _) in runs.items() if state != "finished"]
        if left:
            self.wrong.append(f"{len(left)} accepted runs have not ended: {left[:10]}")
        for run, order in self.acknowledged.items():
            if run not in runs or runs[run][2] != order:
                self.wrong.append(f"run-{run} was acknowledged for {order}, and the store knows {runs.get(run)}")
        intents = {key: (run, call, outcome) for key, run, call, outcome in rows(
            "SELECT key, run, call, outcome FROM idempotency WHERE kind = 'skill'")}
        calls = collections.Counter(dict(rows("SELECT outcome, count(*) FROM v_calls WHERE kind = 'skill' GROUP BY outcome")))
        codes = dict(rows("SELECT code, count(*) FROM v_runs GROUP BY code ORDER BY 2 DESC"))
        runs_of = dict(rows("SELECT agent_id, count(*) FROM v_runs GROUP BY agent_id"))
        db.close()
        self.check_effects(intents, runs_of)
        if len(codes) < 3 and self.o.minutes >= 1:
            self.wrong.append(f"hardly anything went wrong, which is not what was asked for: {codes}")
        return {"runs": len(runs), "runs_by_status": collections.Counter(status for _, status, _ in runs.values()),
                "runs_by_code": codes, "calls_by_outcome": calls,
                "store": json.loads(check.stdout) if not check.returncode else None}

    def check_effects(self, intents, runs_of):
        """An order belongs to one run, and a run does each thing once; what a schedule does bears its agent's name."""
        keyed = self.world.keyed
        self.wrong += [f"key {key} came for {first} and for {other}" for key, first, other in self.world.other_use]
        self.wrong += [f"{keyed[key]} took effect under key {key}, which no intent has" for key in keyed if key not in intents]
        effects = collections.Counter(keyed.values())
        effects.update({what: n for what, n in self.world.unkeyed.items() if SKILLS[what[0]][0] == "write"})
        self.wrong += [f"{name} of {order} took effect {n} times, and should have at most {runs_of.get(order, 1)} times"
                       for (name, order), n in effects.items() if n > runs_of.get(order, 1)]
        missing = [key for key, (_, _, outcome) in intents.items() if outcome == "ok" and key in self.world.asked and key not in keyed]
        self.wrong += [f"the call under key {key} is ok, and nothing happened" for key in missing]
        self.effects = effects.total()

    def report(self):
        growth = self.check_growth()
        store = self.check_store()
        figures = {"minutes": round(self.worked_seconds / 60, 1), "agents": self.o.agents, "seed": self.o.seed, **growth, **store,
                   "runs_acknowledged": len(self.acknowledged), "starts_refused": self.refused, "done": self.done,
                   "requests": sum(self.world.requests.values()), "faults": self.world.faults, "effects": self.effects,
                   "requests_repeated_under_their_key": self.world.repeated}
        if self.o.csv:
            with open(self.o.csv, "w", encoding="utf-8") as out:
                out.write(",".join(Sampler.COLUMNS) + "\n")
                out.writelines(",".join(str(r[c]) for c in Sampler.COLUMNS) + "\n" for r in self.sampler.rows)
        print(json.dumps(figures))
        for line in self.wrong[:20]:
            print(line, file=sys.stderr)
        filling = self.sampler.last_two_thirds()[0]["runs"] < CACHE_FULL_RUNS
        print(f"{figures['runs']} runs in {figures['minutes']} minutes, {growth['rss_kib_per_1000_runs']} KiB for 1,000 runs, "
              f"{growth['rss_mib_per_hour']} MiB/h{' (the cache is still filling)' if filling else ''}, {len(self.wrong)} things wrong")
        return 10 if self.wrong else 0

    def run(self):
        self.daemon.start(wait=30)
        self.begun = time.monotonic()
        time.sleep(0.5)
        self.idle = self.sampler.take(0.0, self.ask("GET", "/v1/status")[1])
        self.sampler.rows.clear()
        self.work()
        self.wind_down()
        return self.report()


def main():
    o = options()
    o.aivp = str(pathlib.Path(o.aivp).resolve())
    o.aivpd = daemon_tools.AIVPD = str(pathlib.Path(o.aivpd).resolve())
    os.environ["AIVP_SECRET_FAKE_KEY"] = "a-key-for-nobody"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `finally`: the daemon is not left behind
    soak = Soak(o)
    try:
        return soak.run()
    except (OSError, http.client.HTTPException) as e:
        print(f"{e!r}\n{soak.daemon.log_text()[-3000:]}", file=sys.stderr)
        return 10
    finally:
        for command in soak.commands:
            if command.poll() is None:
                command.kill()
        if soak.daemon.process and soak.daemon.process.poll() is None:
            soak.daemon.kill()
        soak.world.close()
        if o.keep:
            print(soak.folder, file=sys.stderr)
        else:
            shutil.rmtree(soak.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
