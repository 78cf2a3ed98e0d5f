#!/usr/bin/env python3
"""Search, shrinking, tokens and regressions from end to end, on an agent that charges again when it is not sure."""
import json
import re

from tools import BINARIES, CONFIG, FAILED, ROOT, USAGE, ToolTest, main

AGENT = """\
schema_version: v1alpha1
kind: agent
id: clerk
name: Clerk
triggers:
  - id: order
    type: event
    event: order.placed
    payload:
      type: object
      required: [order, amount_cents]
      properties:
        order: {type: string, minLength: 1}
        amount_cents: {type: integer, minimum: 1}
goal: Charge the order, then say so.
skill_bindings:
  - {as: look, use: kv.get}
  - {as: charge, use: payment.charge, fixed: {currency: EUR, customer: cus-ann}}
  - {as: tell, use: chat.post, fixed: {channel: "#sales"}}
model: {name: scripted}
ends_after: [tell]
limits: {run_timeout: 5m, step_timeout: 30s, budget_usd: 3.00}
"""
# The mistake: after a charge of which nobody knows, the model words it a little differently and charges again.
AGAIN = """
    - when: {tool_result_of: charge, tool_failed: true}
      respond: {calls: [{name: charge, args: {order: A-17, amount_cents: 1200, description: second try}}]}"""
GIVES_UP = """
    - when: {tool_result_of: charge, tool_failed: true}
      respond: {content: I do not know whether it was charged.}"""
SCENARIO = """\
schema_version: scenario.v1
name: An order is charged and announced
skills: [../fixtures/skills]
agents: [clerk.yaml]
duration: 8h
synchronous: false
world:
  payment: {customers: {cus-ann: {funds_cents: 100000}}}
  kv: {}
  chat: {channels: {"#sales": []}}
latency: {"": {uniform: [20ms, 400ms]}}
model:
  latency: {uniform: [200ms, 2s]}
  rules:RULES
    - when: {tool_result_of: charge}
      respond: {calls: [{name: tell, args: {text: charged}}]}
    - when: {tool_result_of: look}
      respond: {calls: [{name: charge, args: {order: A-17, amount_cents: 1200}}]}
    - when: {turn: 1}
      respond: {calls: [{name: look, args: {key: order}}]}
  default: {content: I give up.}
triggers:
  - {after: 5m, event: order.placed, payload: {order: A-17, amount_cents: 1200}}
properties:
  always:
    at most one charge per order: count(ledger where operation == "payment.charge" && outcome == "ok" && !duplicate per arguments.order) <= 1
expect:
  runs: {total: 1, success: 1}
"""
PROPERTY = "at most one charge per order"
ONLY = ["--only", "skill.late,skill.unavailable,skill.denied"]
SEARCH = [*ONLY, "--seeds", "0"]


class Explore(ToolTest):
    def setUp(self):
        super().setUp()
        (self.folder / "fixtures").symlink_to(ROOT / "fixtures")
        self.write("shop/clerk.yaml", AGENT)
        self.model(AGAIN)

    def model(self, rules):
        return self.write("shop/checkout.yaml", SCENARIO.replace("RULES", rules))

    def sim(self, *words, **more):
        return self.run_tool("aivp-sim", *words, cwd=self.folder, **more)

    def sim_json(self, *words, **more):
        return self.json_of("aivp-sim", *words, "--json", cwd=self.folder, **more)

    def found(self, *more):
        """The report of a search that finds the mistake."""
        (report,) = self.sim_json("explore", "shop/checkout.yaml", *ONLY, *more, code=FAILED)["scenarios"]
        return report

    def test_the_mistake_is_found_shrunk_told_and_kept(self):
        self.sim("run", "shop/checkout.yaml", "--seeds", "50")  # no seed alone brings it out
        done = self.sim("explore", "shop/checkout.yaml", *SEARCH, code=FAILED)
        block = done.stdout.split("\n\n", 1)[1].split("\n\n  FAIL", 1)[0]
        lines = block.rstrip().split("  1 passed")[0].split("\n")
        block_lines = lines[: next(n for n, line in enumerate(lines) if line.startswith("  debug")) + 1]
        self.assertLessEqual(len(block_lines), 25)
        for wanted in (
            rf'property  "{PROPERTY}"  shop/checkout.yaml:\d+:\d+',
            r"actual    2, for arguments.order = \"A-17\"",
            r"minimal reproduction   \d+ of \d+ events, 1 of \d faults? kept   \(\d+ tries\)",
            r"t\+00:00.000   trigger    clerk  amount_cents: 1200",
            r"FAULT      skill/clerk/charge #1 late .*<- required",
            r"violation  2, for arguments.order = \"A-17\"   moment [0-9a-f]{4}@\d+",
            r"any amount_cents > 0, any order.* also fail; without the FAULT it passes \(50/50\)",
            r"first difference from nearest passing run \(without the fault skill/clerk/charge #1 late",
            r"repro   aivp-sim repro aivp1:checkout:[\w-]+",
            r"keep    scenarios/regressions/checkout-[0-9a-f]{6}.yaml written   \(git add it\)",
            r"debug   aivp-sim repro aivp1:checkout:[\w-]+ --at [0-9a-f]{4}@\d+ --gdb",
        ):
            self.assertRegex(block, wanted)
        self.assertEqual(done.stdout.rstrip().split("\n")[-1], "0 passed, 1 failed, 0 skipped")

    def test_the_token_and_the_kept_file_run_the_same_and_pass_once_it_is_mended(self):
        report = self.found("--seeds", "0", "--keep", "kept")
        failure = report["failures"][0]
        self.assertEqual(failure["property"], PROPERTY)
        self.assertEqual([f["required"] for f in failure["faults"]], [True])
        self.assertEqual((failure["passed_without"], failure["seeds_without"]), (50, 50))
        kept = failure["kept"]
        self.assertTrue(kept.startswith("kept/checkout-"))
        self.assertIn(PROPERTY, self.sim("run", kept, code=FAILED).stdout)
        for what in (failure["token"], kept):
            again = self.sim_json("repro", what, code=FAILED)["failure"]
            self.assertEqual(again["property"], PROPERTY)
            self.assertEqual(again["moment"], failure["moment"])
            self.assertEqual(again["story"], failure["story"])
        self.assertEqual(self.sim_json("repro", failure["token_as_met"], code=FAILED)["failure"]["property"], PROPERTY)
        self.model(GIVES_UP)
        done = self.sim("repro", failure["token"])
        self.assertIn("has changed since the token was made", done.stderr)
        self.assertIn("1 passed, 0 failed", done.stdout)
        self.assertIn("1 passed, 0 failed", self.sim("run", kept).stdout)
        self.assertIn("1 passed, 0 failed", self.sim("explore", "shop/checkout.yaml", *SEARCH).stdout)

    def test_what_the_search_finds_does_not_depend_on_the_number_of_threads(self):
        one, two = (self.found("--no-keep", "--seeds", "40", "--jobs", jobs) for jobs in ("1", "3"))
        self.assertEqual(one, two)

    def test_how_many_clean_seeds_say_that_it_is_mended_is_printed_and_in_the_json(self):
        words = ["--singles", "0", "--pairs", "0", "--seeds", "120", "--no-keep", "--no-workload"]
        report = self.found(*words)
        tried, failed = report["swarm"]["tried"], report["swarm"]["failed"]
        self.assertEqual(tried, 120)
        self.assertGreater(failed, 0)
        wanted = -(-3 * tried // failed)
        self.assertEqual(report["clean_seeds_wanted"], wanted)
        text = self.sim("explore", "shop/checkout.yaml", *ONLY, *words, code=FAILED).stdout
        self.assertIn(f"once it is mended, {wanted} clean seed", text)
        self.model(GIVES_UP)
        (clean,) = self.sim_json("explore", "shop/checkout.yaml", *ONLY, *words)["scenarios"]
        self.assertEqual((clean["clean_seeds_wanted"], clean["swarm"]["failed"]), (0, 0))

    def test_the_disk_is_searched_and_what_it_excuses_is_counted(self):
        self.model(GIVES_UP)
        words = ["explore", "shop/checkout.yaml", "--no-keep", "--no-workload", "--singles", "300", "--pairs", "40", "--seeds", "20"]
        words += ["--only", "disk.*,command.*,process.kill,skill.late"]
        (report,) = self.sim_json(*words)["scenarios"]
        self.assertEqual(report["disk"]["tried"], 30)
        self.assertGreater(report["disk"]["possible"], 1000)
        self.assertTrue(any(kind.startswith("disk.") for kind in report["met"]))
        text = self.sim(*words).stdout
        self.assertRegex(text, r"disk +30 of [\d,]+ single faults of the disk, drawn evenly")
        self.assertRegex(text, rf"reached +{report['reached']:,} different steps, {report['states']:,} events in different situations, {report['probes']} probes")
        self.assertGreater(report["excused"].get("paused", 0) + report["excused"].get("parked", 0), 0)
        self.assertRegex(text, r"excused +\d+ runs?: scenario.not_converged, ")
        (without,) = self.sim_json(*words[:-1], "skill.*")["scenarios"]
        self.assertEqual(without["disk"]["possible"], 0)
        self.sim(*words, "--guide", "everything", code=USAGE)

    def test_a_plan_whose_place_is_gone_is_reported(self):
        failure = self.found("--seeds", "0", "--keep", "kept")["failures"][0]
        agent = AGENT.replace("as: charge", "as: pay")
        self.write("shop/clerk.yaml", agent)
        self.model(AGAIN.replace("name: charge", "name: pay").replace("of: charge", "of: pay"))
        path = self.folder / "shop/checkout.yaml"
        path.write_text(path.read_text().replace("name: charge,", "name: pay,").replace("of: charge}", "of: pay}"))
        done = self.sim("repro", failure["token"], code=FAILED)
        self.assertIn("AV0820", done.stderr)
        self.assertIn("skill/clerk/charge", done.stderr)
        self.assertIn("fault.no_site", self.sim("run", failure["kept"], code=FAILED).stdout)
        self.assertIn("AV0820", self.sim("shrink", failure["token"], "--no-keep", code=FAILED).stderr)

    def test_a_moment_can_be_looked_at(self):
        failure = self.found("--seeds", "0", "--no-keep")["failures"][0]
        (fault,) = (line for line in failure["story"] if line["what"] == "FAULT")
        done = self.sim("repro", failure["token"], "--at", fault["moment"])
        self.assertIn(f"stopped at {fault['moment']}   record {fault['record']} of", done.stdout)
        self.assertRegex(done.stdout, r"run-1   agent clerk   running.*\n    open   charge  amount_cents: 1200")
        state = self.sim_json("repro", failure["token"], "--at", fault["moment"])
        self.assertEqual(state["record"], fault["record"])
        self.assertEqual(state["step"]["seq"], fault["record"])
        self.assertIn("no moment", self.sim("repro", failure["token"], "--at", "0000@1", code=USAGE).stderr)

    def test_a_bigger_case_is_shrunk_by_hand(self):
        self.write(
            "big.yaml",
            """\
schema_version: regression.v1
scenario: shop/checkout.yaml
seed: 7
property: something
faults:
  - {site: skill/clerk/look, ordinal: 1, kind: late, severity: 1}
  - {site: skill/clerk/charge, ordinal: 1, kind: swallowed}
  - {site: skill/clerk/tell, ordinal: 1, kind: unavailable}
""",
        )
        failure = self.sim_json("shrink", "big.yaml", "--keep", "kept", code=FAILED)["failure"]
        self.assertEqual([f["site"] for f in failure["faults"]], ["skill/clerk/charge"])
        self.assertEqual(failure["faults"][0]["kind"], "late")
        self.assertEqual(failure["shrinking"]["faults_before"], 3)
        self.assertIn(PROPERTY, self.sim("run", failure["kept"], code=FAILED).stdout)
        few = self.sim_json("shrink", "big.yaml", "--no-keep", "--tries", "2", code=FAILED)["failure"]
        self.assertLessEqual(few["shrinking"]["tries"], 2)

    def test_a_case_is_run_again_and_again(self):
        failure = self.found("--seeds", "0", "--keep", "kept")["failures"][0]
        for what in (failure["token"], failure["kept"]):
            told = self.sim_json("repro", what, "--times", "100", code=FAILED)
            self.assertEqual((told["times"], told["failed"], told["alike"], told["property"]), (100, 100, 100, PROPERTY))
        self.assertIn("100 of 100 runs failed, 100 in the same way", self.sim("repro", what, "--times", 100, code=FAILED).stdout)
        self.assertIn("does not break `else`", self.sim("repro", what, "--property", "else", code=USAGE).stderr)
        self.model(GIVES_UP)
        told = self.sim_json("repro", failure["token"], "--times", "3")
        self.assertEqual((told["failed"], told["alike"], told["stale"]), (0, 3, False))
        self.sim("repro", failure["token"], "--times", "none", code=USAGE)

    def test_an_expectation_is_shrunk_against_a_program_that_is_right(self):
        # The mistake: it says twice that the order was charged. No property speaks of that.
        twice = """
    - when: {tool_result_of: charge, turn: 3}
      respond: {calls: [{name: tell, args: {text: charged}}, {name: tell, args: {text: CHARGED}}]}"""
        wrong = self.model(twice)
        expects = "expect:\n  ledger: [{operation: chat.post, count: 2}]\n  runs:"
        text = wrong.read_text().replace("expect:\n  runs:", expects)
        text = text.replace("total: 1, success: 1", "total: 2, success: 2")
        text = text.replace("triggers:\n", "triggers:\n  - {after: 2h, event: order.placed, payload: {order: A-18, amount_cents: 1}}\n")
        right = self.folder / "right"
        (right / "shop").mkdir(parents=True)
        (right / "fixtures").symlink_to(ROOT / "fixtures")
        (right / "shop/clerk.yaml").write_text(AGENT)
        (right / "shop/checkout.yaml").write_text(text.replace(twice, ""))
        wrong.write_text(text)
        program = self.write("right/aivp-sim", f'#!/bin/sh\ncd "{right}" && exec "{BINARIES["aivp-sim"]}" "$@"\n')
        program.chmod(0o755)
        words = ["shrink", "shop/checkout.yaml", "--property", "calls that reached the world: chat.post"]
        alone = self.sim_json(*words, "--keep", "kept", code=FAILED)["failure"]
        self.assertEqual((alone["expected"], alone["actual"], alone["shrinking"]["accepted"]), ("2", "4", 0))
        failure = self.sim_json(*words, "--keep", "small", "--against", program, code=FAILED)["failure"]
        self.assertEqual((failure["expected"], failure["actual"]), ("1", "2"))
        self.assertLess(failure["shrinking"]["events_after"], alone["shrinking"]["events_after"])
        for kept in (alone["kept"], failure["kept"]):
            self.assertIn("chat.post", self.sim("run", kept, code=FAILED).stdout)
        self.assertEqual(self.sim_json("repro", failure["token"], "--times", "5", code=FAILED)["alike"], 5)
        self.model("")
        wrong.write_text(text.replace(twice, ""))
        self.sim("run", failure["kept"])
        self.sim("repro", failure["token"])
        wrong.write_text(text)
        done = self.sim(*words, "--no-keep", "--against", "/nowhere/aivp-sim", code=CONFIG)
        self.assertIn("cannot be told", done.stderr)

    def test_run_draws_faults_and_takes_plans(self):
        done = self.sim("run", "shop/checkout.yaml", "--faults", "60", "--no-keep", code=FAILED)
        self.assertIn("60 random plans", done.stdout)
        self.assertRegex(done.stdout, r"once it is mended, \d+ clean seeds of the swarm")
        plan = self.write("plan.yaml", "- {site: skill/clerk/charge, ordinal: 1, kind: late}\n")
        self.assertIn(PROPERTY, self.sim("run", "shop/checkout.yaml", "--plan", plan, "--seeds", 3, code=FAILED).stdout)
        plan.write_text("faults: [{site: skill/clerk/tell, ordinal: 1, kind: late, severity: 1}]\n")
        self.sim("run", "shop/checkout.yaml", "--plan", plan)
        plan.write_text("faults: [{site: skill/clerk/tell, ordinal: 9, kind: late}]\n")
        self.assertIn("fault.not_met", self.sim("run", "shop/checkout.yaml", "--plan", plan, code=FAILED).stdout)
        plan.write_text("faults: [{site: skill/clerk/tell, ordinal: 1, kind: lat}]\n")
        done = self.sim("run", "shop/checkout.yaml", "--plan", plan, code=CONFIG)
        self.assertIn("Did you mean `late`?", done.stderr)
        self.assertRegex(done.stderr, r"plan.yaml:1:\d+")

    def test_faults_are_listed_with_their_parameters_and_places_with_their_calls(self):
        kinds = self.sim_json("faults")["kinds"]
        self.assertGreaterEqual(len(kinds), 45)
        late = next(k for k in kinds if k["kind"] == "skill.late")
        self.assertEqual(late["span"], {"by_severity_us": [5_000_000, 120_000_000, 7_200_000_000], "name": "late"})
        text = self.sim("faults").stdout
        for kind in kinds:
            self.assertIn(kind["kind"], text)
            self.assertIn(kind["text"], text)
        (scenario,) = self.sim_json("faults", "shop/checkout.yaml")["scenarios"]
        sites = {s["name"]: s for s in scenario["sites"]}
        self.assertEqual(sites["skill/clerk/charge"]["calls"], 1)
        self.assertTrue(sites["skill/clerk/charge"]["keyed"])
        self.assertEqual(sites["model/clerk"]["calls"], 3)
        self.assertGreater(sites["disk"]["calls"], 50)
        self.assertIn("skill/clerk/charge", self.sim("faults", "shop/checkout.yaml").stdout)

    def test_bad_tokens_and_filters_are_errors(self):
        self.assertIn("AV0822", self.sim("repro", "aivp1:checkout:AAAAAAAAAAA", code=CONFIG).stderr)
        token = self.found("--seeds", "0", "--no-keep")["failures"][0]["token"]
        self.assertIn("check digits", self.sim("repro", token[:-3] + "AAA", code=CONFIG).stderr)
        (self.folder / "shop/checkout.yaml").rename(self.folder / "shop/other.yaml")
        self.assertIn("--in", self.sim("repro", token, code=CONFIG).stderr)
        (self.folder / "moved").mkdir()
        (self.folder / "shop/other.yaml").rename(self.folder / "shop/checkout.yaml")
        (self.folder / "shop").rename(self.folder / "moved/shop")
        (self.folder / "moved/fixtures").symlink_to(ROOT / "fixtures")
        self.assertIn(PROPERTY, self.sim("repro", token, "--in", "moved", code=FAILED).stdout)
        done = self.sim("explore", "moved/shop/checkout.yaml", "--only", "skill.lots", code=CONFIG)
        self.assertIn("Did you mean `skill.lost`?", done.stderr)
        done = self.sim("explore", "moved/shop/checkout.yaml", "--site", "skill/clerk/refund", code=FAILED)
        self.assertIn("AV0820", done.stderr)
        self.sim("explore", "moved/shop/checkout.yaml", "--time-budget", "soon", code=USAGE)
        self.sim("explore", "nowhere", code=CONFIG)


class Kinds(ToolTest):
    def test_the_page_about_faults_lists_every_kind(self):
        page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
        listed = dict(re.findall(r"^\| `(\w+\.\w+)` \| ([^|]+?) \|[^|]*\|[^|]*\|$", page, re.M))
        kinds = self.json_of("aivp-sim", "faults", "--json")["kinds"]
        self.assertEqual(sorted(listed), sorted(k["kind"] for k in kinds))
        for kind in kinds:
            self.assertEqual(listed[kind["kind"]], kind["text"], kind["kind"])
            row = next(line for line in page.split("\n") if line.startswith(f"| `{kind['kind']}` |"))
            words = list(kind["forms"]) + ([kind["span"]["name"]] if kind["span"] else [])
            for word in words:
                self.assertIn(f"`{word}`", row)
            self.assertEqual("ambiguous" in row, kind["ambiguous"], row)
            self.assertEqual("once" in row.split("|")[-2], not kind["repeats"], row)

    def test_the_plans_of_the_page_can_be_read(self):
        page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
        plans = re.findall(r"^```yaml\n(- .*?)^```$", page, re.M | re.S)
        self.assertTrue(plans)
        for text in plans:
            plan = self.write("plan.yaml", text)
            # What it names is not in this scenario, but all of it can be read.
            done = self.run_tool("aivp-sim", "run", "scenarios/monitor/outage.yaml", "--plan", plan, "--json", code=FAILED)
            codes = {f["code"] for s in json.loads(done.stdout)["scenarios"] for x in s["failures"] for f in x["findings"]}
            self.assertLessEqual(codes, {"fault.no_site", "fault.not_met"})


if __name__ == "__main__":
    main()
