#!/usr/bin/env python3
"""Durable steps a second: aivp beside DBOS and LangGraph on PostgreSQL and beside Restate, in turns in the same minutes and
in the same folder, each figure between two measurements of the disk.

Needs the Release build of bench_durable and what ci/bench/peers/setup durable installs; what is absent is skipped in plain
sight. PostgreSQL and Restate are started here on 127.0.0.1 only, in a temporary folder, and ended again. Wall time.
"""
import argparse
import contextlib
import ctypes
import datetime
import json
import mmap
import os
import pathlib
import platform
import pwd
import queue
import re
import secrets
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import figures  # noqa: E402
from figures import plain  # noqa: E402

PEERS = figures.ROOT / "build/peers"
INSTALLED = PEERS / "durable"
NAMES = {"dbos": "DBOS + PostgreSQL", "langgraph": "LangGraph + PostgreSQL", "restate": "Restate"}
LANES = {"dbos": "workflow", "langgraph": "thread", "restate": "invocation"}
PARALLEL = (1, 8)
RAW_S = 0.3
CRASH_STEPS = 200
START_S, ANSWER_S, STOP_S = 30, 60, 15  # the longest waits for a start, for one measurement, for an end


class Unavailable(Exception):
    """Why something cannot be measured."""


def ask_for_short_turns():
    """For everything that is started here. Who wakes from a sync while others compute would wait until their turns of some
    milliseconds end, and the scheduler would be measured, not the disk. Linux 6.12 and later; no harm elsewhere."""
    number = {"x86_64": 314, "aarch64": 274}.get(platform.machine())
    if number and os.sched_getscheduler(0) == os.SCHED_OTHER:
        # struct sched_attr: size, policy, flags, nice, priority; nanoseconds a turn; two that do not count here.
        ctypes.CDLL(None).syscall(number, 0, struct.pack("=IIQiIQQQ", 48, 0, 0, 0, 0, 100_000, 0, 0), 0)


def complaint(path):
    """The last line about an error, or else the last one."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()] if path.exists() else []
    errors = [line for line in lines if re.search("error|fatal", line, re.IGNORECASE)]
    return (errors or lines or ["no output"])[-1][:160]


def stop(process, number=signal.SIGTERM):
    """Ends a process that was started here, the hard way when it takes too long."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(ready, process, log, name):
    end = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise Unavailable(f"{name} does not start: {complaint(log)}")
        time.sleep(0.05)


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def environment(**more):
    return {**{key: value for key, value in os.environ.items() if key != "NODE_OPTIONS"}, **more}


class Processors:
    """How much of them other programs take, from 0 to 1: those that neither this one nor its descendants are."""

    TICKS = os.sysconf("SC_CLK_TCK") * os.cpu_count()

    def __init__(self):
        self.begin, self.busy, self.ours = time.monotonic(), self.all_busy(), self.family()

    def others(self):
        taken = (self.all_busy() - self.busy) - (self.family() - self.ours)
        return max(0.0, taken / (self.TICKS * (time.monotonic() - self.begin)))

    @staticmethod
    def all_busy():
        user, nice, system, _idle, _io, irq, soft = map(int, pathlib.Path("/proc/stat").read_text().split()[1:8])
        return user + nice + system + irq + soft

    @staticmethod
    def family():
        parents, ticks = {}, {}
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name, in parentheses, may hold anything.
                fields = path.read_text().rpartition(")")[2].split()
                process = int(path.parent.name)
                parents[process], ticks[process] = int(fields[1]), int(fields[11]) + int(fields[12])
        ours = {os.getpid()}
        while more := {process for process, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return sum(ticks.get(process, 0) for process in ours)


class Asked:
    """A program that answers each line with one line of JSON."""

    def __init__(self, held, command, log, **variables):
        self.log = log
        self.answers = queue.Queue()
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=held.enter_context(log.open("w")), text=True, env=environment(**variables))
        held.callback(stop, self.process)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            if line.startswith('{"peer"'):
                self.answers.put(json.loads(line))
        self.answers.put(None)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.answers.get(timeout=ANSWER_S)
        except (OSError, queue.Empty):
            answer = None
        if answer is None:
            raise Unavailable(f"no answer to {line!r}: {complaint(self.log)}")
        return answer


class PostgreSQL:
    """A cluster of its own, everything as it comes; run by somebody else when this is root, whom it refuses."""

    def __init__(self, held, folder):
        programs = sorted([*pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"),
                           *(PEERS / "postgresql").glob("usr/lib/postgresql/*/bin/postgres")])
        if not programs:
            raise Unavailable("PostgreSQL is not installed; see ci/bench/peers/setup")
        self.program = programs[0]
        self.user = {"user": self.owner(), "group": pwd.getpwnam(self.owner()).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        library = next((PEERS / "postgresql").glob("usr/lib/*/libpq.so.*"), None)
        self.variables = environment(**({"LD_LIBRARY_PATH": str(library.parent)} if library else {}), LC_ALL="C.UTF-8")
        self.folder = folder / "postgresql"
        self.folder.mkdir()
        self.log = folder / "postgresql.log"
        self.counter = self.folder / "syncs"
        self.counter.write_bytes(bytes(8))
        password = self.folder / "password"
        password.write_text(secrets.token_hex(16))
        for path in (self.folder, self.counter, password):
            if self.user:
                shutil.chown(path, self.user["user"], self.user["group"])
        self.initialise(password)
        [self.port] = free_ports(1)
        self.url = f"postgresql://bench:{password.read_text()}@127.0.0.1:{self.port}/"
        self.start(held)

    @staticmethod
    def owner():
        known = {entry.pw_name for entry in pwd.getpwall()}
        return "postgres" if "postgres" in known else "nobody"

    def initialise(self, password):
        command = [self.program.parent / "initdb", "-D", self.folder / "data", "-U", "bench", "--auth=scram-sha-256",
                   f"--pwfile={password}", "--encoding=UTF8"]
        with self.log.open("w") as log:
            done = subprocess.run([str(part) for part in command], stdout=log, stderr=log, env=self.variables, cwd=self.folder,
                                  timeout=START_S, check=False, **self.user)
        if done.returncode != 0:
            raise Unavailable(f"initdb: {complaint(self.log)}")

    def start(self, held):
        shim = PEERS / "count_syncs.so"
        self.counts = shim.exists()
        if self.counts:
            # Beside the cluster, where the other user can read it.
            shutil.copy(shim, self.folder / shim.name)
            self.variables.update(LD_PRELOAD=str(self.folder / shim.name), COUNT_SYNCS=str(self.counter))
        process = subprocess.Popen(
            [str(self.program), "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder),
             "-c", "listen_addresses=127.0.0.1"],
            stdout=held.enter_context(self.log.open("a")), stderr=subprocess.STDOUT, env=self.variables, cwd=self.folder, **self.user)
        # The fast way to stop: clients are disconnected.
        held.callback(stop, process, signal.SIGINT)
        state = self.folder / "data/postmaster.pid"
        until(lambda: state.exists() and state.read_text().splitlines()[7:8] == ["ready   "], process, self.log, "PostgreSQL")
        with self.counter.open("r+b") as file:
            self.made = held.enter_context(mmap.mmap(file.fileno(), 8))

    def syncs(self):
        return int.from_bytes(self.made, sys.byteorder) if self.counts else None

    def about(self):
        return figures.first_line(str(self.program), "--version")


class Restate:
    """The server with its own settings, but for addresses and telemetry."""

    def __init__(self, held, folder):
        program = next((INSTALLED / "node_modules/@restatedev").glob("restate-server-linux-*/bin/restate-server"), None)
        if not program:
            raise Unavailable("its server is not installed; see ci/bench/peers/setup")
        inner, ingress, admin = free_ports(3)
        self.metrics = f"http://127.0.0.1:{inner}/metrics"
        self.variables = {"RESTATE_INGRESS": f"http://127.0.0.1:{ingress}", "RESTATE_ADMIN": f"http://127.0.0.1:{admin}"}
        settings, log = folder / "restate.toml", folder / "restate.log"
        settings.write_text(f'base-dir = "{folder / "restate"}"\nbind-ip = "127.0.0.1"\nbind-port = {inner}\n'
                            'disable-telemetry = true\nlisten-mode = "tcp"\nlog-filter = "warn"\nlog-format = "compact"\n'
                            'log-disable-ansi-codes = true\n'
                            f"[ingress]\nbind-port = {ingress}\n[admin]\nbind-port = {admin}\n")
        process = subprocess.Popen([str(program), "--config-file", str(settings), "--no-logo"],
                                   stdout=held.enter_context(log.open("w")), stderr=subprocess.STDOUT,
                                   env=environment(DO_NOT_TRACK="1"))
        held.callback(stop, process)
        for url in (f"{self.variables['RESTATE_ADMIN']}/health", f"{self.variables['RESTATE_INGRESS']}/restate/health"):
            until(lambda url=url: self.get(url) is not None, process, log, "restate-server")

    @staticmethod
    def get(url):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def syncs(self):
        """As RocksDB counts the syncs of its logs."""
        text = self.get(self.metrics) or ""
        counts = re.findall(r"^restate_rocksdb_wal_synced_total\{.*\} (\d+)$", text, re.MULTILINE)
        return sum(map(int, counts)) if counts else None


class Measured:
    """What was measured of one thing, one entry a time."""

    def __init__(self):
        self.rates, self.raw, self.others, self.count, self.syncs = [], [], [], 0, 0
        self.counted = True

    def add(self, answer, raw, syncs, others):
        self.rates.append(answer["count"] / answer["wall_s"])
        self.raw.append(raw)
        self.others.append(others)
        self.count += answer["count"]
        self.counted = self.counted and syncs is not None
        self.syncs += syncs or 0

    def shares(self):
        return [rate / raw for rate, raw in zip(self.rates, self.raw)]


class Comparison:
    def __init__(self, options, held, folder):
        self.held, self.folder, self.seconds = held, folder, options.seconds
        self.others_most, self.patience_s = options.others / 100, options.patience
        self.measured = {}
        self.beside = {}  # of a peer's measurements: the rates of aivp next to them
        self.skipped, self.failures, self.recovered = {}, [], []
        self.aivp = Asked(held, [options.build / "bench/bench_durable", "serve"], folder / "aivp.log", TMPDIR=str(folder))
        self.database = self.server("PostgreSQL", PostgreSQL)
        self.restate = self.server("Restate", Restate)
        if INSTALLED.exists():
            # Beside node_modules, because a module is looked up from where the script lies.
            for script in HERE.glob("*.mjs"):
                shutil.copy(script, INSTALLED)
        self.peers = {name: self.peer(name) for name in NAMES}
        self.last_raw = None
        for agents in (*PARALLEL, 64):
            self.aivp.ask(f"{agents} 0.05")  # makes the store
        for name in [name for name in NAMES if self.peers[name]]:
            self.guarded(name, lambda name=name: [self.peers[name].ask(f"{parallel} 0.1") for parallel in PARALLEL])

    def server(self, name, kind):
        try:
            return kind(self.held, self.folder)
        except (Unavailable, OSError, subprocess.SubprocessError) as error:
            self.skip(name, str(error))
            return None

    def skip(self, name, reason):
        self.skipped[name] = reason
        print(f"SKIPPED peer {name}: {reason}", flush=True)

    def fail(self, name, reason):
        self.failures.append(f"{name}: {reason}")
        print(f"FAILED  {name}: {reason}", flush=True)

    def server_of(self, name):
        return self.restate if name == "restate" else self.database

    def variables_of(self, name, purpose):
        if name == "restate":
            return self.restate.variables
        return {"DATABASE_URL": f"{self.database.url}{name}_{purpose}" if name == "dbos" else f"{self.database.url}postgres"}

    def peer(self, name):
        if not self.server_of(name):
            self.skip(name, "its server does not run")
        elif not (INSTALLED / "complete").exists() or not shutil.which("node"):
            self.skip(name, "not installed; see ci/bench/peers/setup")
        else:
            return Asked(self.held, ["node", INSTALLED / f"{name}.mjs"], self.folder / f"{name}.log", **self.variables_of(name, "rate"))
        return None

    def guarded(self, name, work):
        try:
            work()
        except (Unavailable, subprocess.TimeoutExpired) as error:
            self.fail(name, str(error))
            self.peers[name] = None

    def raw(self):
        """The disk by itself; what is measured lies between two of these."""
        answer = self.aivp.ask(f"overwrite {RAW_S}")
        before, self.last_raw = self.last_raw, answer["count"] / answer["wall_s"]
        return (before + self.last_raw) / 2 if before else None

    def own(self, what):
        answer = self.aivp.ask(f"{what} {self.seconds}")
        return ("aivp", what), answer, self.raw(), answer["syncs"]

    def other(self, name, parallel):
        server = self.server_of(name)
        before = server.syncs()
        answer = self.peers[name].ask(f"{parallel} {self.seconds}")
        after = server.syncs()
        return (name, parallel), answer, self.raw(), None if before is None or after is None else after - before

    def quiet(self, work):
        """Measures while others leave the processors alone, as far as the patience for that lasts; records it."""
        begin = time.monotonic()
        while True:
            while time.monotonic() - begin < self.patience_s:
                used = Processors()
                time.sleep(0.3)
                if used.others() <= self.others_most:
                    break
            waited = time.monotonic() - begin
            used = Processors()
            self.raw()
            results = work()
            others = used.others()
            if others <= self.others_most or waited >= self.patience_s:
                break
        self.patience_s -= waited
        for key, answer, raw, syncs in results:
            self.measured.setdefault(key, Measured()).add(answer, raw, syncs, others)
        return {key: answer["count"] / answer["wall_s"] for key, answer, _, _ in results}

    def pair(self, number, name, parallel):
        # Who comes first changes with the rounds.
        turns = [lambda: self.own(parallel), lambda: self.other(name, parallel)]
        rates = self.quiet(lambda: [turn() for turn in (turns if number % 2 == 0 else turns[::-1])])
        self.beside.setdefault((name, parallel), []).append(rates["aivp", parallel])

    def round(self, number):
        for parallel in PARALLEL:
            for name in [name for name in NAMES if self.peers[name]]:
                self.guarded(name, lambda name=name: self.pair(number, name, parallel))
        for what in ("append", "sqlite", 64, *(PARALLEL if not any(self.peers.values()) else ())):
            self.quiet(lambda what=what: [self.own(what)])

    def recovery(self, name):
        """Killed inside a step; how many steps ran after that, and how soon the result is there."""
        command = ["node", INSTALLED / f"{name}.mjs"]
        port = [str(port) for port in (free_ports(1) if name == "restate" else [])]
        variables = environment(**self.variables_of(name, "crash"))
        results = []
        for mode in ("crash", "recover"):
            results.append(subprocess.run([*map(str, command), mode, str(CRASH_STEPS), *port], env=variables, capture_output=True,
                                          text=True, timeout=ANSWER_S, check=False))
        crashed, after = results
        lines = [json.loads(line) for line in after.stdout.splitlines() if line.startswith('{"peer"')]
        if crashed.returncode != -signal.SIGKILL or after.returncode != 0 or len(lines) != 1:
            raise Unavailable(f"recovery: {(after.stderr or crashed.stderr).strip()[-160:]}")
        killed = CRASH_STEPS // 2 + 1
        self.recovered.append(
            f"{NAMES[name]}, killed (SIGKILL) inside step {killed} of {CRASH_STEPS} and started again: {lines[0]['executed']} steps ran, "
            f"{CRASH_STEPS - killed} had not begun; the result was there {lines[0]['wall_s']:.1f} s after the program was loaded.")

    def recoveries(self):
        for name in [name for name in NAMES if self.peers[name]]:
            self.guarded(name, lambda name=name: self.recovery(name))


HEADER = ["what", "/s", "raw beside it, /s", "of raw", "in the rounds", "syncs each", "aivp beside it, /s", "aivp : it"]
RULE = "|---|--:|--:|--:|--:|--:|--:|--:|"


def share(value):
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table_row(run, label, key):
    if key not in run.measured:
        return [label, "–", "", "skipped" if key[0] in run.skipped else "failed", "", "", "", ""]
    m = run.measured[key]
    shares = m.shares()
    row = [label, f"{statistics.median(m.rates):,.0f}", f"{statistics.median(m.raw):,.0f}", f"**{share(statistics.median(shares))}**",
           f"{share(min(shares))}–{share(max(shares))}", f"{m.syncs / m.count:.2f}" if m.counted else "–"]
    if key not in run.beside:
        return [*row, "", ""]
    ratios = [ours / theirs for ours, theirs in zip(run.beside[key], m.rates)]
    return [*row, f"{statistics.median(run.beside[key]):,.0f}", f"{plain(statistics.median(ratios))} : 1"]


def table_rows(run):
    raw = [rate for m in run.measured.values() for rate in m.raw]
    rows = [["raw, a page written over + fdatasync", f"{statistics.median(raw):,.0f}", "", "1", "", "1.00", "", ""],
            table_row(run, "raw, a page appended + fdatasync", ("aivp", "append")),
            table_row(run, "SQLite alone, a row a commit", ("aivp", "sqlite"))]
    for agents in (*PARALLEL, 64):
        rows.append(table_row(run, f"aivp, {agents} agent{'s' if agents > 1 else ''}", ("aivp", agents)))
    for name, label in NAMES.items():
        for parallel in PARALLEL:
            rows.append(table_row(run, f"{label}, {parallel} {LANES[name]}{'s' if parallel > 1 else ''}", (name, parallel)))
    return rows


def compare(options, folder, held):
    run = Comparison(options, held, folder)
    load, begin = os.getloadavg()[0], datetime.datetime.now()
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        run.round(number)
    run.recoveries()
    minutes = (datetime.datetime.now() - begin).total_seconds() / 60
    others = [value for m in run.measured.values() for value in m.others]
    about = figures.machine(load, minutes, options.rounds)
    if os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO):
        about += " With real-time priority."
    about += f" Other programs took {100 * statistics.median(others):.0f} % of the processors (median)."
    if run.database:
        about += f" {run.database.about()}."
    lines = [*run.recovered, *[f"SKIPPED peer {name}: {reason}" for name, reason in run.skipped.items()],
             *[f"FAILED {failure}" for failure in run.failures]]
    rows = table_rows(run)
    (PEERS / "durable.json").write_text(json.dumps(
        {"about": about, "notes": lines, "rates": {str(key): {"rates": m.rates, "raw": m.raw, "syncs": m.syncs, "count": m.count,
                                                              "others": m.others}
                                                   for key, m in run.measured.items()}}, indent=1) + "\n")
    print("\n".join([about, "", figures.text_table(HEADER, rows), "", *lines, "", "all samples: build/peers/durable.json"]))
    stays = "; the page stays as it was" if options.markdown else ""
    if run.failures:
        print(f"FAILED  durable: the comparison is not complete{stays}")
        return 1
    if statistics.median(others) > options.others / 100:
        print(f"BUSY    durable: others took so much of the processors that the ratios say little{stays}")
    elif options.markdown:
        figures.write_page("durable", figures.markdown(HEADER, RULE, rows, about, lines))
    return 0


def main():
    parser = argparse.ArgumentParser(prog="run durable", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=figures.ROOT / "build/release", help="build folder (build/release)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.8, help="for each measurement (0.8)")
    parser.add_argument("--others", type=float, default=20, help="most that other programs may take of the processors, in %% (20)")
    parser.add_argument("--patience", type=float, default=30, help="seconds to wait for that in all; then it is measured anyway (30)")
    parser.add_argument("--folder", type=pathlib.Path, default=tempfile.gettempdir(),
                        help="on the disk to measure; everybody must be able to enter it ($TMPDIR)")
    parser.add_argument("--markdown", action="store_true", help="also write the table into docs/performance.md")
    options = parser.parse_args()
    if options.rounds < 1 or not 0 < options.seconds <= 10:
        parser.error("--rounds: at least 1; --seconds: above 0, at most 10")
    options.build = options.build.resolve()
    if not (options.build / "bench/bench_durable").exists():
        sys.exit(f"bench_durable is not built in {options.build}")
    # Ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ask_for_short_turns()
    PEERS.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aivp-durable-steps-", dir=options.folder))
    folder.chmod(0o711)
    with contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            return compare(options, folder, held)
        except Unavailable as error:
            print(f"FAILED  durable: {error}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
