#!/usr/bin/env python3
"""A lost update, searched and shrunk: aivp-sim explore beside fast-check's scheduler, in turns in the same minutes.

Two clients add one to a shared counter, each operation a read and a write through an asynchronous service. Both begin with
20, then 200 operations and a random order; an order in which an update is lost is looked for, and shrunk. Each measurement
is one process and one seed. Needs the Release build of aivp-sim and what ci/bench/peers/setup shrink installs.
"""
import argparse
import datetime
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import figures  # noqa: E402
from figures import plain, shown  # noqa: E402

PEERS = figures.ROOT / "build/peers"
INSTALLED = PEERS / "shrink"
SIZES = (20, 200)
LEAST = 2  # operations, without which no update can be lost
TIMEOUT_S = 300
PROPERTY = "no update is lost"
HEADER = ["operations", "what", "aivp", "fast-check", "aivp : fast-check", "over the seeds"]
RULE = "|--:|---|--:|--:|--:|--:|"


class Failed(Exception):
    """Why there is no figure."""


def run(command, codes):
    """Standard output, and what the program took: wall and CPU seconds."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key != "NODE_OPTIONS"}
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
                              env=environment)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"no end after {TIMEOUT_S} s") from late
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Failed(f"exit code {done.returncode}: {lines[-1] if lines else 'no output'}")
    return done.stdout, {"wall_s": wall, "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def scenario(operations, folder):
    """race.yaml with so many operations, half of them each agent's."""
    head, rows, tail = (HERE / "race.yaml").read_text().partition("  - {start: left}\n  - {start: right}\n")
    if not rows:
        raise Failed("race.yaml has other triggers")
    for name in ("left.yaml", "right.yaml"):
        head = head.replace(name, str(HERE / name))
    path = folder / f"race-{operations}.yaml"
    path.write_text(head.replace("../../../../", f"{figures.ROOT}/") + rows * (operations // 2) + tail)
    return path


class Aivp:
    """Only random orders, no faults: the first runs of a search, whose latencies are the seed's."""

    def __init__(self, program, folder):
        self.program = program
        self.scenarios = {operations: scenario(operations, folder) for operations in SIZES}

    def measure(self, operations, seed):
        text, took = run([self.program, "explore", self.scenarios[operations], "--seed", seed, "--singles", 0, "--pairs", 0, "--seeds", 0,
                          "--jobs", 1, "--no-keep", "--json"], codes=(10,))
        failure = json.loads(text)["scenarios"][0]["failures"][0]
        if failure["property"] != PROPERTY:
            raise Failed(f"another failure: {failure['property']}")
        dropped = sum(edit.get("drop", False) for edit in failure["workload"].get("triggers", []))
        shrinking = failure["shrinking"]
        return {**took, "until_met": failure["runs_until_met"], "tries": shrinking["tries"], "left": operations - dropped,
                "steps_before": shrinking["events_before"], "steps": shrinking["events_after"],
                "same": self.again(failure["token"], failure["moment"])}

    def again(self, token, moment):
        """Does the token alone show the same violation at the same moment of the same history?"""
        text, _ = run([self.program, "repro", token, "--json"], codes=(10,))
        return f'"{moment}"' in text and PROPERTY in text


class FastCheck:
    def __init__(self):
        if not (INSTALLED / "complete").exists() or not shutil.which("node"):
            raise Failed("not installed; see ci/bench/peers/setup")
        # Beside node_modules, because a module is looked up from where the script lies.
        self.script = shutil.copy(HERE / "race.mjs", INSTALLED)

    def measure(self, operations, seed):
        line, took = self.asked(operations, seed)
        again, _ = self.asked(operations, seed, line["path"])
        return {**took, "inside_s": line["wall_s"], "until_met": line["until_met"], "tries": line["runs"] - line["until_met"],
                "left": line["last"]["operations"], "steps_before": line["first"]["steps"], "steps": line["last"]["steps"],
                "same": again["history"] == line["history"]}

    def asked(self, *arguments):
        text, took = run(["node", self.script, *arguments], codes=(0,))
        return json.loads(text), took


def spread(values):
    """The median; the smallest and the largest where they differ."""
    middle = f"{statistics.median(values):g}"
    return middle if min(values) == max(values) else f"{middle} ({min(values)}–{max(values)})"


def time_row(operations, what, ours, theirs):
    row = [f"{operations}", what, shown(statistics.median(ours), "s")]
    if not theirs:
        return [*row, "skipped", "", ""]
    ratios = [b / a for a, b in zip(ours, theirs)]
    return [*row, shown(statistics.median(theirs), "s"), f"**{plain(statistics.median(ratios))} : 1**",
            f"{plain(min(ratios))}–{plain(max(ratios))}"]


def rows_of(operations, aivp, peer):
    def values(samples, key):
        return [sample[key] for sample in samples]

    def count_row(what, text):
        return [f"{operations}", what, text(aivp), text(peer) if peer else "skipped", "", ""]

    return [
        count_row("runs until an update is lost", lambda s: spread(values(s, "until_met"))),
        count_row("runs to shrink it", lambda s: spread(values(s, "tries"))),
        count_row("operations left", lambda s: spread(values(s, "left"))),
        count_row("seeds with no operation too many", lambda s: f"{sum(x['left'] == LEAST for x in s)} of {len(s)}"),
        count_row("steps, from → to", lambda s: f"{spread(values(s, 'steps_before'))} → {spread(values(s, 'steps'))}"),
        count_row("repeated by what was printed", lambda s: f"{sum(x['same'] for x in s)} of {len(s)}"),
        time_row(operations, "wall time of the command", values(aivp, "wall_s"), values(peer, "wall_s") if peer else None),
        time_row(operations, "CPU time of the command", values(aivp, "cpu_s"), values(peer, "cpu_s") if peer else None),
    ]


def compare(options, folder):
    aivp = Aivp(options.build / "tools/aivp-sim/aivp-sim", folder)
    lines = []
    try:
        peer = FastCheck()
    except Failed as reason:
        peer = None
        lines.append(f"SKIPPED peer fast-check: {reason}")
        print(lines[-1], flush=True)
    samples = {}
    load, begin = os.getloadavg()[0], datetime.datetime.now()
    for seed in range(1, options.seeds + 1):
        print(f"seed {seed} of {options.seeds}", file=sys.stderr, flush=True)
        for operations in SIZES:
            turns = [("aivp", aivp), *([("fast-check", peer)] if peer else [])]
            # Who comes first changes with the seeds.
            for name, tool in turns if seed % 2 else turns[::-1]:
                samples.setdefault((name, operations), []).append(tool.measure(operations, seed))
    minutes = (datetime.datetime.now() - begin).total_seconds() / 60
    about = figures.machine(load, minutes, options.seeds)
    rows = [row for size in SIZES for row in rows_of(size, samples["aivp", size], samples.get(("fast-check", size)))]
    if peer:
        version = json.loads((INSTALLED / "node_modules/fast-check/package.json").read_text())["version"]
        inside = [f"{shown(statistics.median(sample['inside_s'] for sample in samples['fast-check', size]), 's')} with {size} operations"
                  for size in SIZES]
        lines.append(f"fast-check {version}; of its command, without the start of node and the loading of modules: {', '.join(inside)}.")
    (PEERS / "shrink.json").write_text(json.dumps(
        {"about": about, "notes": lines, "samples": {f"{name} / {size}": all for (name, size), all in samples.items()}}, indent=1) + "\n")
    print("\n".join([about, "", figures.text_table(HEADER, rows), "", *lines, "", "all samples: build/peers/shrink.json"]))
    if options.markdown:
        figures.write_page("shrink", figures.markdown(HEADER, RULE, rows, about, lines))
    return 0


def main():
    parser = argparse.ArgumentParser(prog="run shrink", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=figures.ROOT / "build/release", help="build folder (build/release)")
    parser.add_argument("--seeds", type=int, default=15, help="how many, from 1 on (15)")
    parser.add_argument("--markdown", action="store_true", help="also write the table into docs/performance.md")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds: at least 1")
    options.build = options.build.resolve()
    if not (options.build / "tools/aivp-sim/aivp-sim").exists():
        sys.exit(f"aivp-sim is not built in {options.build}")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    try:
        return compare(options, INSTALLED)
    except Failed as reason:
        print(f"FAILED  shrink: {reason}" + ("; the page stays as it was" if options.markdown else ""))
        return 1


if __name__ == "__main__":
    sys.exit(main())
