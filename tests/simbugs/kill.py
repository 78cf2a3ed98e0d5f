#!/usr/bin/env python3
"""Runs every planted bug against its killers and prints the kill matrix. A bug that nothing finds fails, unless its entry
gives the reason. Needs a build of a copy that plant.py made.

  kill.py --build BUILD [NAME | AREA]...     these bugs, or all
  kill.py --tests                            the test binaries that must be built, too
"""
import argparse
import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import plant

BATCHES = (1, 9, 90, 900, 9000)
SUITE_BATCHES = (1, 4, 45)


@dataclasses.dataclass
class Death:
    """How a bug was found."""
    killer: str
    by: str  # the property, or the expectation in words
    scenario: str = ""
    seeds: int | None = None  # how many were needed
    faults: int | None = None  # of the shrunk plan
    events: int | None = None
    passing: list | None = None  # the command that must pass without the bug
    properties: tuple = ()  # all that are violated with it


@dataclasses.dataclass
class Verdict:
    bug: plant.Bug
    death: Death | None = None
    reached: bool = False
    seconds: float = 0
    tried: int = 0
    wrong: str = ""
    explored: Death | None = None  # what the fault search found, when it was asked


class Broken(Exception):
    """The tools did not do what they are for; no bug is judged by that."""


class Tools:
    def __init__(self, build, root, limit_s):
        self.build, self.root, self.limit_s = pathlib.Path(build), root, limit_s
        self.sim = self.build / "tools/aivp-sim/aivp-sim"
        if not os.access(self.sim, os.X_OK):
            raise Broken(f"no {self.sim}")

    def run(self, command, bug, folder=None):
        environment = {k: v for k, v in os.environ.items() if k != "AIVP_PLANT"} | ({"AIVP_PLANT": bug.name} if bug else {})
        try:
            done = subprocess.run([str(c) for c in command], cwd=folder or self.root, env=environment, capture_output=True,
                                  timeout=self.limit_s, check=False)
            return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired as late:
            return None, "", (late.stderr or b"").decode(errors="replace")


def words_of(finding):
    return f"expect {finding['what']}" if finding.get("code") == "scenario.expectation" else finding["what"]


def properties_of(findings):
    return tuple(sorted({f["what"] for f in findings if f.get("code", "scenario.property") == "scenario.property"}))


def first_words(findings):
    """Properties before expectations: they are what nobody had to write."""
    ranked = sorted(findings, key=lambda f: f.get("code") == "scenario.expectation")
    return words_of(ranked[0]) if ranked else "?"


def abnormal(code, error):
    """What a process says that did not end by itself."""
    if code is None:
        return "does not come to an end"
    said = [line for line in error.splitlines() if line and line != "planted: reached"]
    return f"dies with signal {-code}: {said[0] if said else ''}".strip(": ") if code < 0 else \
        f"stops with {code}: {said[0] if said else ''}".strip(": ")


def is_json(output):
    return output.startswith(("{", "["))


def died(code, error):
    """What did not answer: a process that broke down is a finding, one that refuses its arguments is our mistake."""
    if code is not None and code >= 0:
        raise Broken(abnormal(code, error))
    return abnormal(code, error)


def read_json(output, code, error):
    try:
        report = json.loads(output)
    except json.JSONDecodeError:
        raise Broken(abnormal(code, error)) from None
    if "error" in report:
        raise Broken(report["error"]["message"])
    return report


class Killers:
    """One method a kind. Each returns (death or None, seeds tried, was the bug's place reached)."""

    def __init__(self, tools, seeds, first_seed):
        self.tools, self.seeds, self.first_seed = tools, seeds, first_seed
        self.known_properties = set()

    def run(self, bug, arguments, batches=BATCHES):
        tried, reached = 0, False
        for batch in batches:
            batch = min(batch, self.seeds - tried)
            if batch <= 0:
                break
            base = [self.tools.sim, "run", *arguments, "--jobs", "1"]
            seed = self.first_seed + tried
            code, output, error = self.tools.run([*base, "--seed", seed, "--seeds", batch, "--json"], bug)
            reached |= "planted: reached" in error
            if not is_json(output):
                return Death("run", died(code, error), arguments[0], tried + 1 if batch == 1 else tried + batch,
                             passing=[*base, "--seed", seed, "--seeds", batch]), tried + batch, reached
            report = read_json(output, code, error)
            self.known_properties |= set(report["properties"])
            failed = [(f["seed"], s, f) for s in report["scenarios"] for f in s["failures"]]
            failed += [(s["diverged"]["seed"], s, {"findings": []}) for s in report["scenarios"] if s["diverged"]]
            if failed:
                seed, scenario, failure = min(failed, key=lambda f: (f[0], f[1]["file"]))
                return Death("run", first_words(failure["findings"]), scenario["file"], seed - self.first_seed + 1,
                             passing=[self.tools.sim, "run", scenario["file"], "--jobs", "1", "--seed", seed],
                             properties=properties_of(failure["findings"])), tried + batch, reached
            tried += batch
            if not reached and tried >= 100:
                break  # another seed will not lead there either
        return None, tried, reached

    def crash(self, bug, arguments, batches=(1, 1, 1)):
        tried, reached = 0, False
        for _ in batches:
            command = [self.tools.sim, "run", *arguments, "--crash-points", "all", "--seed", self.first_seed + tried]
            code, output, error = self.tools.run([*command, "--json"], bug)
            reached |= "planted: reached" in error
            tried += 1
            if not is_json(output):
                return Death("crash", died(code, error), arguments[0], tried, passing=command), tried, reached
            for scenario in read_json(output, code, error)["scenarios"]:
                if scenario["findings_all"]:
                    by = first_words(scenario["findings"])
                    return Death("crash", by, scenario["file"], tried, passing=command,
                                 properties=properties_of(scenario["findings"])), tried, reached
        return None, tried, reached

    def replay(self, bug, arguments):
        command = [self.tools.sim, "replay", *arguments]
        code, output, error = self.tools.run([*command, "--json"], bug)
        reached = "planted: reached" in error
        if not is_json(output):
            return Death("replay", died(code, error), arguments[0], passing=command), 1, reached
        failures = read_json(output, code, error)["failures"]
        if not failures:
            return None, 1, reached
        first = failures[0]
        why = next((k for k in ("missed", "unused", "diverged", "failed") if first.get(k)), "failed")
        return Death("replay", f"tape {why}", first.get("tape", arguments[0]), passing=command), 1, reached

    def explore(self, bug, arguments, folder=None):
        """The smallest finding that is the bug's: its plan passes without it."""
        command = [self.tools.sim, "explore", *arguments, "--seeds", min(self.seeds, 200), "--jobs", "1", "--no-keep",
                   "--time-budget", "30s"]
        code, output, error = self.tools.run([*command, "--json"], bug, folder)
        reached = "planted: reached" in error
        if not is_json(output):
            return Death("explore", died(code, error), arguments[0]), 1, reached
        failures = [f for s in read_json(output, code, error)["scenarios"] for f in s["failures"]]
        for found in sorted(failures, key=lambda f: (f["shrinking"]["faults_after"], f["shrinking"]["events_after"])):
            again = [self.tools.sim, "repro", found["token"]]
            if self.tools.run(again, None, folder)[0] == 0:
                return Death("explore", found["property"], found["file"], found["runs_until_met"],
                             found["shrinking"]["faults_after"], found["shrinking"]["events_after"]), 1, reached
        return None, 1, reached

    def test(self, bug, arguments):
        name = arguments[0]
        found = sorted(self.tools.build.glob(f"tests/*/test_{name}"))
        if not found:
            raise Broken(f"no test_{name} in {self.tools.build}: build it")
        command = [found[0], "--color_output=no", "--report_level=no", "--log_level=error", "--catch_system_errors=no"]
        code, output, error = self.tools.run(command, bug)
        reached = "planted: reached" in error
        if code == 0:
            return None, 1, reached
        said = re.search(r'in "(?:[^"]*/)?([^"/]+)"', output + error)
        by = said.group(1).replace("_", " ") if said else abnormal(code, error)
        return Death("test", by, f"test_{name}", passing=command), 1, reached


def judge(bug, killers, tools, suite):
    begun = time.monotonic()
    verdict = Verdict(bug)
    attempts = [tuple(killer.split(" ")) for killer in bug.killed_by]
    plans = [(kind, arguments, {}) for kind, *arguments in attempts]
    if suite:
        plans.append(("run", ["scenarios/"], {"batches": SUITE_BATCHES}))
    try:
        for kind, arguments, options in plans:
            death, tried, reached = getattr(killers, kind)(bug, arguments, **options)
            verdict.tried += tried
            verdict.reached |= reached
            if death:
                verdict.death = death
                break
        if verdict.death and verdict.death.passing:
            code, _, error = tools.run(verdict.death.passing, None)
            if code != 0:
                verdict.wrong = "fails without the bug as well: " + " ".join(str(c) for c in verdict.death.passing[1:])
        if verdict.death and not verdict.wrong and not verdict.reached:
            verdict.wrong = "its place was not reached, yet something failed"
    except Broken as wrong:
        verdict.wrong = str(wrong)
    verdict.seconds = time.monotonic() - begun
    return verdict


def without_expectations(root, folder):
    """The suite without what its authors expect: what is found there is found by properties alone."""
    for name in ("fixtures", "scenarios"):
        shutil.copytree(pathlib.Path(root) / name, folder / name)
    for path in (folder / "scenarios").rglob("*.yaml"):
        text = path.read_text()
        if "\nschema_version: scenario." in text:
            path.write_text(re.sub(r"^expect:\n(?:[ #].*\n|\n)*", "", text, flags=re.M))


def search_for(verdict, killers, folder):
    """Does the fault search find the bug where its first killer is at home?"""
    homes = [words[1] for words in (k.split(" ") for k in verdict.bug.killed_by) if words[0] in ("run", "crash", "explore")]
    for scenario in homes[:1]:
        try:
            verdict.explored, _, reached = killers.explore(verdict.bug, [scenario], folder)
            verdict.reached |= reached
        except Broken as wrong:
            verdict.wrong = str(wrong)
    return verdict


def binomial_interval(n, p, confidence):
    """The narrowest counts [low, high] outside of which lies at most (1 - confidence) / 2 on each side."""
    tail = (1 - confidence) / 2
    weights = [math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p))
               for k in range(n + 1)]
    low, below = 0, 0.0
    while below + weights[low] <= tail:
        below += weights[low]
        low += 1
    high, above = n, 0.0
    while above + weights[high] <= tail:
        above += weights[high]
        high -= 1
    return low, high


def judge_canary(bug, tools, seeds):
    """The canary fails on one seed in so many, neither more nor less: then the seeds are really looked at."""
    scenario, rate = bug.canary["scenario"], bug.canary["per_mille"] / 1000
    command = [tools.sim, "run", scenario, "--seeds", seeds, "--json"]
    code, output, error = tools.run(command, bug)
    if not is_json(output):
        raise Broken(abnormal(code, error))
    failed = sum(s["seeds_failed"] for s in read_json(output, code, error)["scenarios"])
    code, output, error = tools.run(command, None)
    clean = sum(s["seeds_failed"] for s in read_json(output, code, error)["scenarios"])
    low, high = binomial_interval(seeds, rate, 0.999)
    return {"name": bug.name, "scenario": scenario, "seeds": seeds, "failed": failed, "failed_without": clean, "low": low,
            "high": high, "sings": low <= failed <= high and clean == 0}


def state_of(verdict):
    if verdict.wrong:
        return "wrong"
    if verdict.death:
        return "killed"
    if verdict.bug.equivalent:
        return "equivalent"
    return "excused" if verdict.bug.survives else "survives"


def show(verdict):
    bug, death, state = verdict.bug, verdict.death, state_of(verdict)
    if state == "killed":
        seeds = f"{death.seeds}" if death.seeds is not None else "-"
        plan = "" if death.faults is None else f" plan: {death.faults} faults" + (f", {death.events} events" if death.events else "")
        told = f"{death.killer:7} {seeds:>5}  {death.scenario}: {death.by}{plan}"
        if verdict.explored:
            told += f"; search: {verdict.explored.by}, {verdict.explored.faults} faults, {verdict.explored.events} events"
    elif state == "wrong":
        told = f"WRONG    {verdict.wrong}"
    elif state == "survives":
        told = f"SURVIVES {'its place was reached' if verdict.reached else 'its place was never reached'}, {verdict.tried} runs"
    else:
        told = f"{state}: {bug.equivalent or bug.survives}"
    print(f"{bug.area:13} {bug.name:45} {told}", flush=True)


def as_json(verdict):
    death = verdict.death
    return {"name": verdict.bug.name, "area": verdict.bug.area, "says": verdict.bug.says, "state": state_of(verdict),
            "killer": death.killer if death else None, "scenario": death.scenario if death else None,
            "by": death.by if death else None, "properties": death.properties if death else [], "seeds": death.seeds if death else None,
            "faults": death.faults if death else None, "events": death.events if death else None,
            "explored": dataclasses.asdict(verdict.explored) | {"passing": None} if verdict.explored else None,
            "reached": verdict.reached, "tried": verdict.tried, "seconds": round(verdict.seconds, 2),
            "reason": verdict.wrong or verdict.bug.survives or verdict.bug.equivalent or None}


def summary(verdicts, canary, known_properties):
    counts = collections.Counter(state_of(v) for v in verdicts)
    seeds = sorted(v.death.seeds for v in verdicts if v.death and v.death.seeds)
    found = [v.explored for v in verdicts if v.explored] + [v.death for v in verdicts if v.death and v.death.killer == "explore"]
    faults = [d.faults for d in found if d.faults is not None]
    kinds = collections.Counter(v.death.killer for v in verdicts if v.death)
    print()
    if seeds:
        print(f"  seeds needed       median {statistics.median(seeds):g}, worst {seeds[-1]}")
    if faults:
        print(f"  fault search       finds {len(faults)}; {sum(f <= 3 for f in faults)} of their shrunk plans have at most 3 faults")
    print("  killed by          " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))
    by_property = collections.Counter(p for v in verdicts if v.death for p in v.death.properties)
    if by_property:
        print("  properties         " + ", ".join(f"{p} {n}" for p, n in by_property.most_common()))
    if known_properties - set(by_property):
        print("  kill nothing       " + ", ".join(sorted(known_properties - set(by_property))))
    for sung in canary:
        verb = "sings" if sung["sings"] else "IS SILENT OR SCREAMS"
        print(f"  canary             {verb}: {sung['failed']} of {sung['seeds']} seeds fail, {sung['low']} to {sung['high']} are right; "
              f"{sung['failed_without']} without it")
    print(f"{counts['killed']} killed, {counts['survives']} survive, {counts['excused']} survive for a reason, "
          f"{counts['equivalent']} equivalent, {counts['wrong']} wrong, {len(verdicts)} bugs")
    return counts["survives"] == 0 and counts["wrong"] == 0 and all(s["sings"] for s in canary)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", metavar="NAME|AREA")
    parser.add_argument("--build", help="the build folder of the copy with the bugs")
    parser.add_argument("--tests", action="store_true", help="print the test binaries that are killers, and stop")
    parser.add_argument("--copy", help="the copy itself: is it one of this catalogue?")
    parser.add_argument("--root", default=str(plant.ROOT), help="where scenarios and tapes are")
    parser.add_argument("--bugs", default=str(plant.BUGS))
    parser.add_argument("--seeds", type=int, default=10_000, help="at most so many for each bug and killer")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=600, help="seconds for one process")
    parser.add_argument("--no-suite", action="store_true", help="ask the expected killers only")
    parser.add_argument("--no-canary", action="store_true")
    parser.add_argument("--explore", action="store_true", help="besides, look for each bug with the fault search")
    parser.add_argument("--canary-seeds", type=int, default=2000)
    parser.add_argument("--json", metavar="FILE", help="the matrix for machines")
    options = parser.parse_args()
    stack = contextlib.ExitStack()
    try:
        bugs = plant.read_catalogue(options.bugs)
        if options.tests:
            print(" ".join(sorted({"test_" + k.split(" ")[1] for b in bugs for k in b.killed_by if k.startswith("test ")})))
            return 0
        if not options.build:
            raise Broken("--build FOLDER is missing")
        tools = Tools(options.build, options.root, options.limit)
        if options.copy:
            made = json.loads((pathlib.Path(options.copy) / plant.MANIFEST).read_text())
            if made["fingerprint"] != plant.fingerprint(bugs):
                raise Broken(f"{options.copy} was made from another catalogue: plant.py {options.copy}, and build it")
        chosen = [b for b in bugs if not options.only or {b.name, b.area} & set(options.only)]
        if not chosen:
            raise Broken("no bug has such a name or area")
        killers = Killers(tools, options.seeds, options.seed)

        folder = None
        if options.explore:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aivp-simbugs-")))
            without_expectations(options.root, folder)

        def work(bug):
            verdict = judge(bug, killers, tools, not options.no_suite)
            return search_for(verdict, killers, folder) if folder and verdict.death and not verdict.wrong else verdict

        canary = [judge_canary(b, tools, options.canary_seeds) for b in chosen if b.canary and not options.no_canary]
        verdicts = []
        with concurrent.futures.ThreadPoolExecutor(max(options.jobs, 1)) as pool:
            for verdict in pool.map(work, [b for b in chosen if not b.canary]):
                verdicts.append(verdict)
                show(verdict)
        fine = summary(verdicts, canary, killers.known_properties)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps({"bugs": [as_json(v) for v in verdicts], "canary": canary}, indent=1) + "\n")
    except (plant.CatalogueError, Broken) as wrong:
        print(f"kill.py: {wrong}", file=sys.stderr)
        return 2
    finally:
        stack.close()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
