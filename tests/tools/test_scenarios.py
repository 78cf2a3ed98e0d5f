#!/usr/bin/env python3
"""The scenario suite as a whole: that its expectations can fail, and what it reaches."""
import json
import pathlib
import re
import shutil

from tools import FAILED, ROOT, ToolTest, main

COUNT = re.compile(r"\b(count|total|success|failure|partial|skipped|abstained|at_least|at_most): (\d+)")

# Codes of refusals, limits and triggers that no scenario can reach, and why.
UNREACHABLE = {
    "skill.disabled": "a switched-off skill is refused when the agent is compiled",
    "args.limit": "takes arguments of more than 1 MiB; tests/engine",
    "cap.missing": "the binding is the grant: a name without one is skill.unknown",
    "policy.no_rule": "grants are the policy so far; tests/engine",
    "policy.denied": "no policy language yet",
    "policy.rule_error": "no policy language yet",
    "idem.other_args": "the engine never uses a key for other arguments; tests/mocks",
    "lease.held": "no shared targets yet",
    "run.reference": "ends a step, and the run says run.step_failed; scenarios/steps/copy.yaml",
    "run.interrupted": "a run without an outcome; recovery is not there yet",
    "limit.output": "takes a result of more than 8 MiB",
}


# Statements in the code that need not become true in the scenarios, and why.
NOT_REACHED = {
    "driver: an effect is not begun because its batch ended it": "a simulated process commits each input by itself; tests/engine",
    "driver: somebody else wrote to the journal": "there is one process; tests/engine",
    "driver: the clock ran back": "its guard keeps that from the driver; tests/engine",
    "model: a late failure while another attempt is planned": "takes a model that answers twice; a fault",
    "recovery: a read cannot be sent again without its secrets": "a death at one commit; --crash-points",
    "store: a commit ends without an answer": "a fault of the disk; tests/store",
    "store: a fenced writer is refused": "there is one process; tests/store",
    "timer: a run's timer that was moved fires early": "simulated timers that were moved are gone; tests/engine",
    "trigger: a due window is refused when its agent changes": "takes a host that is late; tests/engine",
    "trigger: too many windows were missed": "takes a host that was away for long; tests/engine",
}


def mutants_of(text):
    """(what was changed, the text): each number of an expectation, and the last word of an expected state."""
    head, expected = re.split(r"^expect:\n", text, flags=re.M)
    for match in COUNT.finditer(expected):
        key, number = match.group(1), int(match.group(2))
        changed = {"at_least": 1_000_000, "at_most": 0}.get(key, number + 1)
        if key == "at_least" and number > 0 or key == "at_most" and number > 0 or not key.startswith("at_"):
            # An exact bound above the new one would be refused when the file is read.
            after = re.sub(r"^, at_most: \d+", "", expected[match.end():])
            before = re.sub(r"at_least: \d+, $", "", expected[: match.start()])
            yield match.group(0), f"{head}expect:\n{before}{key}: {changed}{after}"
        else:
            yield match.group(0) + " cannot fail", None
    if re.search(r"^  world:", expected, re.M):
        last = list(re.finditer(r"[\w⟧]+", expected))[-1]
        yield last.group(0), f"{head}expect:\n{expected[: last.end()]}1{expected[last.end():]}"


class Suite(ToolTest):
    def test_every_expectation_can_fail(self):
        shutil.copytree(ROOT / "fixtures", self.folder / "fixtures")
        shutil.copytree(ROOT / "scenarios", self.folder / "scenarios")
        files = [p for p in sorted((self.folder / "scenarios").rglob("*.yaml")) if "scenario.v1" in p.read_text(encoding="utf-8")]
        self.assertGreaterEqual(len(files), 40)
        survivors, tried = [], 0
        for path in files:
            name = str(path.relative_to(self.folder / "scenarios"))
            text = path.read_text(encoding="utf-8")
            self.assertIn("\nexpect:\n", text, name)
            made = {}
            for number, (change, mutant) in enumerate(mutants_of(text)):
                if mutant is None:
                    survivors.append((name, change))
                    continue
                target = path.with_name(f"mutant-{number}.yaml")
                target.write_text(mutant, encoding="utf-8")
                made[str(target)] = change
            self.assertTrue(made, name)
            seeds = 50 if any(c.startswith("at_most") for c in made.values()) else 1
            report = self.json_of("aivp-sim", "run", *made, "--seeds", seeds, "--json", code=FAILED)
            survivors += [(name, made[r["file"]]) for r in report["scenarios"] if r["passed"]]
            tried += len(made)
            for target in made:
                pathlib.Path(target).unlink()
        self.assertGreater(tried, 150)
        self.assertEqual(survivors, [])

    def test_every_code_of_a_refusal_is_expected_somewhere(self):
        table = (ROOT / "include/aivp/base/errors.def").read_text(encoding="utf-8")
        rows = re.findall(r"AIVP_ERROR\(\w+, (\d+), \"([\w.]+)\"", table)
        wanted = {name for number, name in rows if 300 <= int(number) < 600 or 610 <= int(number) < 620}
        wanted |= {"script.no_rule"}
        text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "scenarios").rglob("*.yaml"))
        expected = set(re.findall(r"code: ([\w.]+)", text)) | set(re.findall(r"contains: ([\w.]+)", text))
        self.assertEqual(sorted(wanted - expected - set(UNREACHABLE)), [])
        self.assertEqual(sorted(set(UNREACHABLE) & expected), [], "reached after all")

    def test_every_property_is_put_to_the_test(self):
        report = self.json_of("aivp-sim", "run", "scenarios", "--json")
        self.assertEqual(len(report["properties"]), 18)
        self.assertEqual([name for name, checks in report["properties"].items() if checks == 0], [])

    def test_what_should_happen_sometimes_does(self):
        report = self.json_of("aivp-sim", "run", "scenarios", "--seeds", "20", "--json")
        self.assertEqual([p["name"] for p in report["probes"] if p["violations"]], [])
        faulty = self.json_of("aivp-sim", "run", "scenarios/recovery", "--faults", "20", "--no-keep", "--json")
        self.assertEqual([p["name"] for p in faulty["probes"] if p["violations"]], [])
        hits = dict.fromkeys((p["name"] for p in report["probes"] if p["kind"] in ("sometimes", "reachable")), 0)
        for p in report["probes"] + faulty["probes"]:
            if p["name"] in hits:
                hits[p["name"]] += p["hits"]
        self.assertGreater(len(hits), 60)
        self.assertEqual(sorted(set(NOT_REACHED) - set(hits)), [], "there is no such probe")
        self.assertEqual(sorted(name for name in hits if not hits[name] and name not in NOT_REACHED), [])
        stated = [p for s in report["scenarios"] for p in s["properties"]]
        self.assertEqual([p["name"] for p in stated if not p["evaluations"]], [], "never asked")
        self.assertEqual([p["name"] for p in stated if p["mode"] == "sometimes" and not p["reached"]], [])

    def test_every_key_of_the_format_is_used(self):
        schema = json.loads((ROOT / "schemas/scenario.schema.json").read_text(encoding="utf-8"))
        text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "scenarios").rglob("*.yaml"))
        text += (ROOT / "docs/scenario-format.md").read_text(encoding="utf-8")
        keys = set(schema["properties"]) | set(schema["properties"]["expect"]["properties"])
        keys |= set(schema["properties"]["triggers"]["items"]["properties"])
        self.assertEqual(sorted(k for k in keys if f"{k}:" not in text), [])

    def test_results_depend_on_nothing_but_the_seed(self):
        words = ["aivp-sim", "run", "scenarios", "--seeds", "10", "--json"]
        one, two = (self.json_of(*words, "--jobs", jobs) for jobs in ("1", "7"))
        self.assertEqual([s["outcomes"] for s in one["scenarios"]], [s["outcomes"] for s in two["scenarios"]])
        later = self.json_of(*words, "--seed", "100")
        chaos = [s["file"].startswith("scenarios/chaos") for s in one["scenarios"]]
        self.assertEqual(sum(chaos), 4)
        for drawn, a, b in zip(chaos, one["scenarios"], later["scenarios"]):
            if drawn:
                self.assertNotEqual(a["outcomes"], b["outcomes"])


if __name__ == "__main__":
    main()
