#!/usr/bin/env python3
"""The pages about the commands and the scenario format: their examples run, and nothing is left out."""
import json
import re

from tools import BINARIES, ROOT, ToolTest, main

FORMAT = (ROOT / "docs/scenario-format.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs/cli.md").read_text(encoding="utf-8")


class ScenarioFormat(ToolTest):
    def setUp(self):
        super().setUp()
        for name in ("fixtures", "scenarios"):
            (self.folder / name).symlink_to(ROOT / name)
        self.blocks = re.findall(r"^```yaml\n(.*?)^```$", FORMAT, re.M | re.S)

    def test_every_example_runs_as_it_stands(self):
        scenarios = [b for b in self.blocks if b.startswith("schema_version: scenario.v1\n")]
        self.assertEqual(len(scenarios), 6)
        paths = [self.write(f"docs/example-{n}.yaml", text) for n, text in enumerate(scenarios)]
        done = self.run_tool("aivp-sim", "run", *paths, "--seeds", 200)
        self.assertIn("6 passed, 0 failed", done.stdout)
        (fixture,) = [b for b in self.blocks if b.startswith("schema_version: fixture.v1\n")]
        self.write("docs/fixture.yaml", fixture)
        done = self.run_tool("aivp", "run", "--dry-run", "fixtures/agents/service-monitor.yaml", "--fixtures", "docs", cwd=self.folder)
        self.assertIn("outcome   success", done.stdout)

    def test_every_key_is_described_and_shown(self):
        schema = json.loads((ROOT / "schemas/scenario.schema.json").read_text(encoding="utf-8"))
        expect = schema["properties"]["expect"]["properties"]
        groups = [schema["properties"], schema["properties"]["triggers"]["items"]["properties"], expect]
        groups += [part["items"]["properties"] for part in expect.values() if "items" in part]
        shown = "".join(self.blocks)
        for key in sorted({key for group in groups for key in group}):
            with self.subTest(key):
                self.assertRegex(FORMAT, rf"`{key}[`:]")
                self.assertIn(f"{key}: ", shown.replace("\n", " "))


    def test_every_table_and_field_of_properties_is_described(self):
        tables = self.json_of("aivp-sim", "properties", "--json")["tables"]
        self.assertEqual(len(tables), 7)
        for table in tables:
            (row,) = re.findall(rf"^\| `{table['name']}` \| [^|]+ \| (.+) \|$", FORMAT.split("### Tables")[1], re.M)
            self.assertEqual(["at", *re.findall(r"`(\w+)`", row)], [f["name"] for f in table["fields"]], table["name"])


class Cli(ToolTest):
    def test_every_command_and_option_is_described(self):
        for tool in BINARIES:
            listed = self.run_tool(tool, "--help").stdout.split("commands\n")[1]
            for command in re.findall(r"^  (\w+) +\S", listed, re.M):
                self.assertRegex(CLI, rf"(?m)^### {tool} {command}$", f"{tool} {command}")
                section = re.split(r"^##", CLI.split(f"### {tool} {command}\n")[1], flags=re.M)[0]
                synopsis, rest = self.run_tool(tool, command, "-h").stdout.split("\n", 1)
                self.assertIn(f"`{synopsis}`", section)
                for option in re.findall(r"^  (--[\w-]+)", rest, re.M):
                    self.assertIn(f"`{option}", section, f"{tool} {command} {option}")
                self.assertEqual(sorted(set(re.findall(r"^\| `(--[\w-]+)", section, re.M))), sorted(re.findall(r"^  (--[\w-]+)", rest, re.M)))

    def test_the_exit_codes_are_those_of_the_program(self):
        header = (ROOT / "tools/common/command.hpp").read_text(encoding="utf-8")
        known = {int(n) for n in re.findall(r"exit_\w+ = (\d+)", header)}
        documented = {int(n) for n in re.findall(r"^\| (\d+) \|", CLI, re.M)}
        table = (ROOT / "include/aivp/base/errors.def").read_text(encoding="utf-8")
        from_errors = {int(n) for n in re.findall(r"\"ERR_\w+\", (\d+),", table)}
        self.assertLessEqual(known, documented)
        self.assertEqual(documented - known - from_errors, set())


if __name__ == "__main__":
    main()
