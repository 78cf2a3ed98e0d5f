"""The checks in ci/ catch what they are there for: each test plants one violation in a small tree."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]


class planted_tree(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="aivp-lint-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.write("include/aivp/base/money.hpp", "#pragma once\n#include <string>\n")
        self.write("include/aivp/skill/contract.hpp", "#pragma once\n#include <aivp/base/money.hpp>\n")
        self.write("runtime/engine/engine.cpp", '#include "aivp/skill/contract.hpp"\n')
        self.write("runtime/engine/CMakeLists.txt", "aivp_module(engine SOURCES engine.cpp HEADERS include/aivp/base include/aivp/skill)\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def check(self, script, *arguments):
        done = subprocess.run([sys.executable, "-B", PROJECT / "ci" / script, "--root", self.root, *arguments],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def expect_failure(self, script, *texts):
        code, output = self.check(script)
        self.assertEqual(code, 1, output)
        for text in texts:
            self.assertIn(text, output)


class levels(planted_tree):
    def test_a_clean_tree_passes(self):
        code, output = self.check("check_levels.py")
        self.assertEqual(code, 0, output)

    def test_the_project_itself_passes(self):
        done = subprocess.run([sys.executable, "-B", PROJECT / "ci/check_levels.py"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_include_that_points_up_is_named_with_the_allowed_set(self):
        self.write("include/aivp/skill/up.hpp", "#pragma once\n\n#include <aivp/engine/driver.hpp>\n")
        self.expect_failure("check_levels.py", "include/aivp/skill/up.hpp:3:", "skill must not include engine", "allowed: base kernel reliability schema")

    def test_the_simulator_must_not_see_the_real_world(self):
        self.write("sim/world.cpp", '#include "runtime/os/clock.hpp"\n')
        self.expect_failure("check_levels.py", "sim/world.cpp:1:", "sim must not include runtime/os")

    def test_an_adapter_must_not_see_the_simulator(self):
        self.write("runtime/os/clock.cpp", "#  include <sim/scheduler.hpp>\n")
        self.expect_failure("check_levels.py", "runtime/os/clock.cpp:1:", "runtime/os must not include sim")

    def test_a_relative_include_is_no_way_around(self):
        self.write("include/aivp/engine/driver.hpp", "#pragma once\n")
        self.write("include/aivp/skill/up.hpp", '#include "../engine/driver.hpp"\n')
        self.expect_failure("check_levels.py", "skill must not include engine")

    def test_a_folder_without_a_line_is_refused(self):
        self.write("include/aivp/novelty/x.hpp", "#pragma once\n")
        self.expect_failure("check_levels.py", "include/aivp/novelty/x.hpp: its folder has no line")

    def test_cycles_are_printed(self):
        table = self.root / "levels.txt"
        table.write_text("base:\nskill: base policy\npolicy: base skill\nruntime/engine: base skill\nroot:\n")
        self.write("include/aivp/skill/a.hpp", "#include <aivp/policy/b.hpp>\n")
        self.write("include/aivp/policy/b.hpp", "#include <aivp/skill/a.hpp>\n")
        code, output = self.check("check_levels.py", "--levels", table)
        self.assertEqual(code, 1, output)
        self.assertIn("the table allows a cycle: policy -> skill -> policy", output)
        self.assertIn("\ncycle: policy -> skill -> policy", output)


class words(planted_tree):
    def test_a_clean_tree_passes(self):
        code, output = self.check("check_words.py")
        self.assertEqual(code, 0, output)

    def test_each_banned_word_is_found_and_explained(self):
        for line, word in [
            ("bool x = is_simulated();", "is_simulated"),
            ("if (sim) { }", "if (sim"),
            ("if (simulating) { }", "if (sim"),
            ("#ifdef SIM", "#ifdef SIM"),
            ("#if defined(AIVP_SIMULATION)", "#ifdef SIM"),
            ("std::random_device device;", "random_device"),
            ("int x = rand();", "rand"),
            ("auto now = std::chrono::system_clock::now();", "system_clock"),
            ("auto now = std::chrono::steady_clock::now();", "steady_clock"),
            ("clock_gettime(0, &t);", "clock_gettime"),
            ("std::thread worker;", "thread"),
            ("std::jthread worker;", "thread"),
            ("std::unordered_map<int, int> seen;", "unordered_map"),
            ("std::unordered_multiset<int> seen;", "unordered_set"),
            ("std::locale here;", "locale"),
            ('auto home = std::getenv("HOME");', "getenv"),
            ("double share = 0;", "float"),
        ]:
            with self.subTest(line):
                self.write("include/aivp/engine/planted.hpp", f"#pragma once\n{line}\n")
                self.expect_failure("check_words.py", f"include/aivp/engine/planted.hpp:2: '{word}'")

    def test_each_heavy_header_is_refused_in_the_public_folder(self):
        for header in ["iostream", "regex", "filesystem", "nlohmann/json.hpp", "sqlite3.h", "yaml-cpp/yaml.h",
                       "boost/asio.hpp", "boost/asio/io_context.hpp", "fmt/format.h"]:
            with self.subTest(header):
                self.write("include/aivp/base/planted.hpp", f"#include <{header}>\n")
                self.expect_failure("check_words.py", "include/aivp/base/planted.hpp:1:")

    def test_what_only_looks_similar_passes(self):
        self.write("include/aivp/engine/fine.hpp",
                   "// no std::thread here, and no rand() either\n"
                   "int operand(int x);\nint y = operand(1);\nif (similar) { }\n#include <nlohmann/json_fwd.hpp>\n")
        code, output = self.check("check_words.py")
        self.assertEqual(code, 0, output)

    def test_an_allowance_needs_the_word_and_a_reason(self):
        line = "double share = 0;  // lint: allow({})\n"
        self.write("include/aivp/engine/planted.hpp", line.format("float") + "")
        self.expect_failure("check_words.py", "an allowance needs a reason")
        self.write("include/aivp/engine/planted.hpp", line.format("getenv").rstrip() + " because\n")
        self.expect_failure("check_words.py", "'float'")
        self.write("include/aivp/engine/planted.hpp", line.format("float").rstrip() + " shown to people only\n")
        code, output = self.check("check_words.py")
        self.assertEqual(code, 0, output)


class unused(planted_tree):
    def test_a_clean_tree_passes(self):
        code, output = self.check("check_unused.py")
        self.assertEqual(code, 0, output)

    def test_a_source_that_no_target_lists_is_named(self):
        self.write("runtime/engine/forgotten.cpp", "")
        self.expect_failure("check_unused.py", "runtime/engine/forgotten.cpp: no CMakeLists.txt lists it")

    def test_a_test_script_that_no_target_runs_is_named(self):
        self.write("tests/tools/test_forgotten.py", "")
        self.expect_failure("check_unused.py", "tests/tools/test_forgotten.py: no CMakeLists.txt lists it")

    def test_a_header_that_no_module_collects_is_named(self):
        self.write("include/aivp/orphan/x.hpp", "#pragma once\n")
        self.expect_failure("check_unused.py", "include/aivp/orphan/x.hpp")


if __name__ == "__main__":
    unittest.main()
