#!/usr/bin/env python3
"""Runs every planted bug against its killers and prints the kill matrix. A bug that nothing finds fails, unless its entry
gives the reason. Needs a build of a copy that plant.py made.

  kill.py --build BUILD [NAME | AREA]...     these bugs, or all
  kill.py --tests                            the test binaries that must be built, too
  kill.py --build BUILD --explore            besides: what does the fault search find without expectations?

A failing case is shrunk, run again many times, without the bug, and with unrelated draws (docs/adr/0018-planted-bugs.md).
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
FAULTS_WANTED, EVENTS_WANTED, SHARE_WANTED = 3, 12, 0.9  # what a shrunk case should have, and how many should
SEARCH = ("--singles", 1000, "--pairs", 300)  # so much, and not so long: the same on every machine
POWER = "it takes the loss of power, which no fault of a plan is"
OTHER_CASES = 4  # of a bug whose first case stays larger: so many more are looked at


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
    seed: int | None = None
    findings: tuple = ()  # (code, what) of each, in order
    token: str = ""  # of what a search found


@dataclasses.dataclass
class Case:
    """A failing case, as small as it gets, and whether it can be had again."""
    scenario: str
    property: str
    is_expectation: bool
    faults_before: int
    faults: int
    events_before: int
    events: int  # engine inputs up to the violation; of an expectation, which is asked at the end, of the whole run
    tries: int
    token: str
    file: str  # the regression that was kept
    from_token: int = 0  # runs that failed in the same way
    from_file: int = 0
    without: str = ""  # what it does without the bug: passes, stale, fails
    draws: dict = dataclasses.field(default_factory=dict)  # by unrelated draw: does the token still show the bug?
    drawn: tuple = ()  # those whose place was reached

    @property
    def small(self):
        return self.faults <= FAULTS_WANTED and self.events <= EVENTS_WANTED


@dataclasses.dataclass
class Verdict:
    bug: plant.Bug
    death: Death | None = None
    reached: bool = False
    seconds: float = 0
    tried: int = 0
    wrong: str = ""
    explored: Death | None = None  # what the fault search found, when it was asked
    searched: str = ""  # where the fault search looked
    unfound: str = ""  # why it should find nothing there
    case: Case | None = None
    no_case: str = ""  # why there is none


class Broken(Exception):
    """The tools did not do what they are for; no bug is judged by that."""


class Tools:
    def __init__(self, build, root, limit_s):
        self.build, self.root, self.limit_s = pathlib.Path(build).resolve(), root, limit_s
        self.sim = self.build / "tools/aivp-sim/aivp-sim"
        if not os.access(self.sim, os.X_OK):
            raise Broken(f"no {self.sim}")

    def run(self, command, bug, folder=None, draw=None):
        planted = ",".join(b.name for b in (bug, draw) if b)
        environment = {k: v for k, v in os.environ.items() if k != "AIVP_PLANT"} | ({"AIVP_PLANT": planted} if planted else {})
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
    said = [line for line in error.splitlines() if line and not line.startswith("planted: reached")]
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


def was_reached(bug, error):
    return f"planted: reached {bug.name}\n" in error


class Killers:
    """One method a kind. Each returns (death or None, seeds tried, was the bug's place reached)."""

    def __init__(self, tools, seeds, first_seed):
        self.tools, self.seeds, self.first_seed = tools, seeds, first_seed
        self.known_properties = set()
        self.search_s = 120

    def run(self, bug, arguments, batches=BATCHES):
        tried, reached = 0, False
        for batch in batches:
            batch = min(batch, self.seeds - tried)
            if batch <= 0:
                break
            base = [self.tools.sim, "run", *arguments, "--jobs", "1"]
            seed = self.first_seed + tried
            code, output, error = self.tools.run([*base, "--seed", seed, "--seeds", batch, "--json"], bug)
            reached |= was_reached(bug, error)
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
                             properties=properties_of(failure["findings"]), seed=seed,
                             findings=tuple((f.get("code", ""), f["what"]) for f in failure["findings"])), tried + batch, reached
            tried += batch
            if not reached and tried >= 100:
                break  # another seed will not lead there either
        return None, tried, reached

    def crash(self, bug, arguments, batches=(1, 1, 1)):
        tried, reached = 0, False
        for _ in batches:
            command = [self.tools.sim, "run", *arguments, "--crash-points", "all", "--seed", self.first_seed + tried]
            code, output, error = self.tools.run([*command, "--json"], bug)
            reached |= was_reached(bug, error)
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
        reached = was_reached(bug, error)
        if not is_json(output):
            return Death("replay", died(code, error), arguments[0], passing=command), 1, reached
        failures = read_json(output, code, error)["failures"]
        if not failures:
            return None, 1, reached
        first = failures[0]
        why = next((k for k in ("missed", "unused", "diverged", "failed") if first.get(k)), "failed")
        return Death("replay", f"tape {why}", first.get("tape", arguments[0]), passing=command), 1, reached

    def explore(self, bug, arguments, folder=None, told=None):
        """The smallest finding that is the bug's: its plan passes without it."""
        command = [self.tools.sim, "explore", *arguments, *SEARCH, "--seeds", min(self.seeds, 200), "--jobs", "1", "--no-keep",
                   "--time-budget", f"{self.search_s}s"]
        code, output, error = self.tools.run([*command, "--json"], bug, folder)
        reached = was_reached(bug, error)
        if not is_json(output):
            return Death("explore", died(code, error), arguments[0]), 1, reached
        scenarios = read_json(output, code, error)["scenarios"]
        failures = [f for s in scenarios for f in s["failures"]]
        if told is not None:
            told["out_of_time"] = any(s["out_of_time"] for s in scenarios)
        for found in sorted(failures, key=lambda f: (f["shrinking"]["faults_after"], f["shrinking"]["events_after"])):
            again = [self.tools.sim, "repro", found["token"], "--times", 1, "--json"]
            if read_json(self.tools.run(again, None, folder)[1], 0, "")["failed"] == 0:
                return Death("explore", found["property"], found["file"], found["runs_until_met"],
                             found["shrinking"]["faults_after"], found["shrinking"]["events_after"], token=found["token"],
                             findings=((found["code"], found["property"]),)), 1, reached
        return None, 1, reached

    def test(self, bug, arguments):
        name = arguments[0]
        found = sorted(self.tools.build.glob(f"tests/*/test_{name}"))
        if not found:
            raise Broken(f"no test_{name} in {self.tools.build}: build it")
        command = [found[0], "--color_output=no", "--report_level=no", "--log_level=error", "--catch_system_errors=no"]
        code, output, error = self.tools.run(command, bug)
        reached = was_reached(bug, error)
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


def ranked_findings(findings):
    """What to shrink to: properties, then whatever broke down, then expectations. A stale plan says nothing by itself."""
    rank = {"scenario.property": 0, "scenario.expectation": 2, "fault.not_met": 3, "fault.no_site": 3}
    unlike = dict.fromkeys(findings)
    return sorted((f for f in unlike if rank.get(f[0]) != 3), key=lambda f: rank.get(f[0], 1))


class Cases:
    """From a death to a small case, and from that to the death again."""

    def __init__(self, tools, killers, draws, times, folder):
        self.tools, self.killers, self.draws, self.times, self.folder = tools, killers, draws, times, pathlib.Path(folder)
        self.kept = 0
        # The same program without a bug says what is right.
        self.right = self.folder / "aivp-sim-right"
        self.right.write_text(f'#!/bin/sh\nunset AIVP_PLANT\nexec "{self.tools.sim}" "$@"\n')
        self.right.chmod(0o755)

    def shrink(self, bug, what, seed, finding):
        code, name = finding
        self.kept += 1
        keep = self.folder / f"{bug.name}-{self.kept}"
        command = [self.tools.sim, "shrink", what, "--property", name, "--jobs", "1", "--keep", keep, "--json"]
        command += [] if seed is None else ["--seed", seed]
        command += ["--against", self.right] if code == "scenario.expectation" else []
        status, output, error = self.tools.run(command, bug)
        if not is_json(output) or status != 10:
            return None, abnormal(status, error)
        failure = json.loads(output)["failure"]
        s = failure["shrinking"]
        return Case(failure["file"], failure["property"], failure["code"] == "scenario.expectation", s["faults_before"],
                    s["faults_after"], s["events_before"], s["events_after"], s["tries"], failure["token"], failure["kept"]), ""

    def places(self, bug, death):
        """(what, seed, findings) of cases of this bug: of its death, then of the other scenarios that it breaks."""
        if death.token:
            yield death.token, None, death.findings
        elif death.seed is not None and death.findings:
            yield death.scenario, death.seed, death.findings
        if death.killer == "crash":
            found, _, _ = self.killers.explore(bug, [death.scenario])
            if found:
                yield found.token, None, found.findings
        code, output, error = self.tools.run([self.tools.sim, "run", "scenarios/", "--jobs", "1", "--json"], bug)
        if not is_json(output):
            return
        failed = [(s["inputs"], s["file"], f) for s in read_json(output, code, error)["scenarios"] for f in s["failures"]]
        for _, file, failure in sorted(failed, key=lambda f: f[:2])[:OTHER_CASES]:
            yield file, failure["seed"], tuple((f.get("code", ""), f["what"]) for f in failure["findings"])

    def smallest(self, bug, death):
        best, why = None, POWER if death.killer == "crash" else "it breaks in no scenario that can be run again"
        for what, seed, findings in self.places(bug, death):
            for finding in ranked_findings(findings)[:3]:
                case, said = self.shrink(bug, what, seed, finding)
                if not case:
                    why = said
                elif not best or (case.small, -case.faults, -case.events) > (best.small, -best.faults, -best.events):
                    best = case
                if best and best.small:
                    return best, ""
        return best, why

    def again(self, bug, case):
        """Fills in how often the case could be had again."""
        def repro(what, bug, times, draw=None):
            command = [self.tools.sim, "repro", what, "--times", times, "--json"]
            command += ["--property", case.property] if bug else []
            code, output, error = self.tools.run(command, bug, draw=draw)
            return (json.loads(output) if is_json(output) else {}), error
        told, _ = repro(case.token, bug, self.times)
        if told.get("property") == case.property:
            case.from_token = min(told["failed"], told["alike"])
        code, output, _ = self.tools.run([self.tools.sim, "run", case.file, "--seeds", self.times, "--jobs", "1", "--json"], bug)
        from_file, _ = repro(case.file, bug, 1)
        if is_json(output) and from_file.get("outcome") == told.get("outcome") and from_file.get("property") == case.property:
            case.from_file = sum(s["seeds_failed"] for s in json.loads(output)["scenarios"])
        healthy, _ = repro(case.token, None, 1)
        case.without = "fails" if healthy.get("failed", 1) else "stale" if healthy["stale"] else "passes"
        drawn = []
        for draw in self.draws:
            told, error = repro(case.token, bug, 1 if draw.moves else self.times, draw)
            case.draws[draw.name] = told.get("property") == case.property and told["failed"] == told["alike"] == told["times"]
            if f"planted: reached {draw.name}\n" in error:
                drawn.append(draw.name)
        case.drawn = tuple(drawn)

    def work(self, verdict):
        death = verdict.death
        if not death or verdict.wrong:
            return
        if death.killer in ("test", "replay"):
            verdict.no_case = f"dies of a {'unit test' if death.killer == 'test' else 'tape'}, in no scenario"
            return
        verdict.case, verdict.no_case = self.smallest(verdict.bug, death)
        if verdict.case:
            verdict.no_case = ""
            self.again(verdict.bug, verdict.case)


def without_expectations(root, folder):
    """The suite without what its authors expect: what is found there is found by properties alone."""
    for name in ("fixtures", "scenarios"):
        shutil.copytree(pathlib.Path(root) / name, folder / name)
    for path in (folder / "scenarios").rglob("*.yaml"):
        text = path.read_text()
        if "\nschema_version: scenario." in text:
            path.write_text(re.sub(r"^expect:\n(?:[ #].*\n|\n)*", "", text, flags=re.M))


def why_unfound(verdict, reached):
    death = verdict.death
    if death.killer == "crash":
        return POWER
    if not reached:
        return "its place was not reached"
    said = [what for code, what in death.findings if code not in ("scenario.expectation", "fault.not_met", "fault.no_site")]
    if not said:
        return "no property breaks, under no fault that was tried; only an expectation of the scenario knows"
    return "SHOULD BE FOUND: " + ", ".join(dict.fromkeys(said))


def search_for(verdict, killers, folder):
    """Does the fault search find the bug where its first killer is at home?"""
    homes = [words[1] for words in (k.split(" ") for k in verdict.bug.killed_by) if words[0] in ("run", "crash", "explore")]
    for scenario in homes[:1]:
        try:
            verdict.searched = scenario
            told = {}
            verdict.explored, _, reached = killers.explore(verdict.bug, [scenario], folder, told)
            verdict.reached |= reached
            if not verdict.explored:
                verdict.unfound = "time ran out" if told.get("out_of_time") else why_unfound(verdict, reached)
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
        if verdict.case:
            told += f"; shrunk: {verdict.case.faults} faults, {verdict.case.events} events"
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
            "case": dataclasses.asdict(verdict.case) if verdict.case else None, "no_case": verdict.no_case or None,
            "explored": dataclasses.asdict(verdict.explored) | {"passing": None} if verdict.explored else None,
            "searched": verdict.searched or None, "unfound": verdict.unfound or None,
            "reached": verdict.reached, "tried": verdict.tried, "seconds": round(verdict.seconds, 2),
            "reason": verdict.wrong or verdict.bug.survives or verdict.bug.equivalent or None}


def search_summary(verdicts):
    """Prints what the fault search finds by itself: properties only, no expectations."""
    searched = [v for v in verdicts if v.searched]
    if not searched:
        return
    print(f"  search alone       finds {sum(bool(v.explored) for v in searched)} of {len(searched)}")
    for reason, n in collections.Counter(v.unfound for v in searched if not v.explored).most_common():
        if not reason.startswith("SHOULD"):
            print(f"    not found        {n}: {reason}")
    for v in searched:
        if v.unfound.startswith("SHOULD"):
            print(f"    not found        {v.bug.name} in {v.searched}: {v.unfound}")


def shrunk_summary(verdicts, draws, times):
    """Prints what became of the cases. Is it as it should be?"""
    cases = [v.case for v in verdicts if v.case]
    killed = [v for v in verdicts if state_of(v) == "killed"]
    if not cases:
        return True
    faults, events = sorted(c.faults for c in cases), sorted(c.events for c in cases)
    print()
    small = sum(c.small for c in cases)
    print(f"  shrunk             {len(cases)} of {len(killed)} die in a scenario; {small} of them ({100 * small / len(cases):.1f} %) to "
          f"at most {FAULTS_WANTED} faults and {EVENTS_WANTED} events")
    print(f"                     faults median {statistics.median(faults):g}, worst {faults[-1]}; events median "
          f"{statistics.median(events):g}, worst {events[-1]}; {sum(c.is_expectation for c in cases)} to an expectation")
    for v in verdicts:
        if v.case and not v.case.small:
            print(f"    larger           {v.bug.name}: {v.case.faults} faults, {v.case.events} events of {v.case.scenario}: {v.case.property}")
    why = collections.Counter(v.no_case for v in killed if not v.case)
    for reason, n in why.most_common():
        print(f"  not shrunk         {n}: {reason}")
    token, file = (sum(getattr(c, key) == times for c in cases) for key in ("from_token", "from_file"))
    without = collections.Counter(c.without for c in cases)
    print(f"  repro              {times} of {times} times: {token} of {len(cases)} from the token, {file} from the regression file; "
          f"without the bug {without['passes']} pass, {without['stale']} are stale, {without['fails']} fail")
    lost = []
    for draw in draws:
        held, reached = sum(c.draws[draw.name] for c in cases), sum(draw.name in c.drawn for c in cases)
        told = f", which moves {draw.moves}" if draw.moves else ""
        print(f"  unrelated draw     {held} of {len(cases)} tokens show the bug under {draw.name}{told}; {reached} reach it")
        lost += [v.bug.name for v in verdicts if v.case and not draw.moves and not v.case.draws[draw.name]]
    odd = [v.bug.name for v in verdicts if v.case and (min(v.case.from_token, v.case.from_file) < times or v.case.without == "fails")]
    if odd or lost:
        print("  NOT HAD AGAIN      " + ", ".join(sorted(set(odd + lost))))
    return small >= SHARE_WANTED * len(cases) and not odd and not lost


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
    parser.add_argument("--no-shrink", action="store_true", help="leave the failing cases as they are met")
    parser.add_argument("--times", type=int, default=100, help="how often a shrunk case is run again")
    parser.add_argument("--explore", action="store_true", help="besides, look for each bug with the fault search")
    parser.add_argument("--search-seconds", type=int, default=120, help="at most, for the fault search in one scenario")
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
        draws = [b for b in bugs if b.draw]
        chosen = [b for b in bugs if not b.draw and (not options.only or {b.name, b.area} & set(options.only))]
        if not chosen:
            raise Broken("no bug has such a name or area")
        killers = Killers(tools, options.seeds, options.seed)
        killers.search_s = options.search_seconds

        folder = None
        if options.explore:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aivp-simbugs-")))
            without_expectations(options.root, folder)

        cases = None
        if not options.no_shrink:
            kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="aivp-simbugs-"))
            cases = Cases(tools, killers, draws, options.times, kept)

        def work(bug):
            verdict = judge(bug, killers, tools, not options.no_suite)
            if cases:
                cases.work(verdict)
            return search_for(verdict, killers, folder) if folder and verdict.death and not verdict.wrong else verdict

        canary = [judge_canary(b, tools, options.canary_seeds) for b in chosen if b.canary and not options.no_canary]
        verdicts = []
        with concurrent.futures.ThreadPoolExecutor(max(options.jobs, 1)) as pool:
            for verdict in pool.map(work, [b for b in chosen if not b.canary]):
                verdicts.append(verdict)
                show(verdict)
        fine = shrunk_summary(verdicts, draws, options.times)
        search_summary(verdicts)
        fine &= summary(verdicts, canary, killers.known_properties)
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
