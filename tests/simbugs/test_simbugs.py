"""The catalogue of planted bugs fits the tree, and the script that plants them refuses what it cannot do."""
import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kill
import plant

TEXT = "int twice(int a) {\n    if (a > 0) return a + a;\n    count(a);\n    return 0;\n}\n"


def entry(**changed):
    return {"name": "a.bug", "says": "It is wrong.", "file": "f.cpp", "find": "a > 0", "replace": "a >= 0",
            "killed_by": ["run s.yaml"]} | changed


def bugs(*entries):
    return [plant.read_bug(e, "area", "area.toml") for e in entries]


class the_catalogue(unittest.TestCase):
    def test_fits_the_tree(self):
        done = subprocess.run([sys.executable, "-B", plant.HERE / "plant.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_is_large_and_has_one_canary(self):
        catalogue = plant.read_catalogue()
        self.assertEqual(sum(1 for b in catalogue if b.canary), 1)
        self.assertGreaterEqual(len(catalogue), 45)


class planting(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="aivp-simbugs-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "f.cpp").write_text(TEXT)

    def planted(self, *entries):
        return plant.planted_file(TEXT, plant.find_spans(bugs(*entries), self.root)["f.cpp"])

    def refused(self, *entries):
        with self.assertRaises(plant.CatalogueError) as wrong:
            plant.find_spans(bugs(*entries), self.root)
        return str(wrong.exception)

    def test_an_expression_becomes_a_choice(self):
        text = self.planted(entry())
        self.assertIn("? (a >= 0) : (a > 0))) return", text)
        self.assertTrue(text.startswith('#include "aivp/base/planted.hpp"\n'))

    def test_a_statement_becomes_two_branches(self):
        self.assertIn("{  } else { count(a); }", self.planted(entry(find="count(a);", replace="", form="statement")))

    def test_raw_text_says_itself_where_the_switch_is(self):
        text = self.planted(entry(find="return 0;", replace="return PLANTED ? 1 : 0;", form="raw"))
        self.assertIn("return ::aivp::planted(0x", text)

    def test_two_bugs_at_one_place_are_two_choices(self):
        text = self.planted(entry(), entry(name="b.bug", replace="true"))
        self.assertIn("/* a.bug */) ? (a >= 0) : ", text)
        self.assertIn("/* b.bug */) ? (true) : (a > 0))", text)

    def test_bugs_beside_each_other_do_not_move_each_other(self):
        both = self.planted(entry(), entry(name="b.bug", find="return 0;", replace="return 1;", form="statement"))
        self.assertIn("(a >= 0)", both)
        self.assertIn("{ return 1; } else { return 0; }", both)

    def test_bugs_that_cross_each_other_are_refused_by_name(self):
        said = self.refused(entry(), entry(name="b.bug", find="if (a > 0) return", replace="return"))
        self.assertIn("overlaps", said)
        self.assertIn("a.bug", said)
        self.assertIn("b.bug", said)

    def test_two_raw_texts_at_one_place_are_refused(self):
        raw = {"find": "return 0;", "replace": "return PLANTED;", "form": "raw"}
        self.assertIn("in another form", self.refused(entry(**raw), entry(name="b.bug", **raw)))

    def test_text_that_is_not_there_is_named_with_its_file(self):
        self.assertIn("stands 0 times in f.cpp", self.refused(entry(find="a < 0")))

    def test_text_that_stands_there_twice_needs_a_number(self):
        self.assertIn("stands 2 times in f.cpp, not 1", self.refused(entry(find="return", form="raw", replace="PLANTED")))
        self.assertIn("return", self.planted(entry(find="return", of=2, nth=2, form="raw", replace="PLANTED return")))

    def test_a_missing_file_is_named(self):
        self.assertIn("no file g.cpp", self.refused(entry(file="g.cpp")))

    def test_entries_that_say_too_little_are_refused(self):
        for changed, said in [({"killed_by": []}, "killed_by"), ({"says": ""}, "says"), ({"form": "text"}, "form"), ({"tells": "?"}, "tells"),
                              ({"form": "raw"}, "PLANTED"), ({"nth": 2}, "nth"), ({"killed_by": ["luck s.yaml"]}, "luck")]:
            with self.assertRaises(plant.CatalogueError) as wrong:
                bugs(entry(**changed))
            self.assertIn(said, str(wrong.exception))

    def test_a_copy_is_refreshed_and_nothing_else_is_overwritten(self):
        out = self.root / "build"
        plant.plant(bugs(entry()), self.root, out)
        before = (out / "f.cpp").stat().st_mtime_ns
        (out / "stray.cpp").write_text("")
        self.assertEqual(plant.plant(bugs(entry()), self.root, out)[1], 0)
        self.assertEqual((out / "f.cpp").stat().st_mtime_ns, before)
        self.assertFalse((out / "stray.cpp").exists())
        strange = self.root / "build-mine"
        strange.mkdir()
        (strange / "letter.txt").write_text("dear")
        with self.assertRaises(plant.CatalogueError):
            plant.plant(bugs(entry()), self.root, strange)

    def test_the_fingerprint_changes_with_an_edit_and_not_with_a_killer(self):
        before = plant.fingerprint(bugs(entry()))
        self.assertEqual(before, plant.fingerprint(bugs(entry(killed_by=["run other.yaml"]))))
        self.assertNotEqual(before, plant.fingerprint(bugs(entry(replace="true"))))


    def test_an_unrelated_draw_is_an_entry_without_killers(self):
        draw = {"name": "draw.more", "says": "One more.", "file": "f.cpp", "find": "count(a);", "replace": "if (PLANTED) draw();",
                "form": "raw"}
        read = plant.read_draw(draw, "draws", "draws.toml")
        self.assertTrue(read.draw)
        spans = plant.find_spans([read, *bugs(entry())], self.root)["f.cpp"]
        text = plant.planted_file(TEXT, spans)
        self.assertIn("/* draw.more */)) draw();", text)
        self.assertIn("? (a >= 0)", text)
        for changed, said in [({"name": "more"}, "draw."), ({"killed_by": ["run s.yaml"]}, "killed_by"), ({"says": ""}, "says")]:
            with self.assertRaises(plant.CatalogueError) as wrong:
                plant.read_draw(draw | changed, "draws", "draws.toml")
            self.assertIn(said, str(wrong.exception))

    def test_the_catalogue_has_several_kinds_of_draws_and_no_bug_is_one(self):
        draws = [b for b in plant.read_catalogue() if b.draw]
        self.assertGreaterEqual(sum(not d.moves for d in draws), 5)
        self.assertTrue(all(d.name.startswith("draw.") for d in draws))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.toml"
            path.write_text('[[bug]]\nname = "a,b"\nsays = "x"\nfile = "f"\nfind = "x"\nreplace = ""\nkilled_by = ["run s"]\n')
            with self.assertRaises(plant.CatalogueError) as wrong:
                plant.read_catalogue(folder)
            self.assertIn("comma", str(wrong.exception))

    @unittest.skipUnless(shutil.which("c++"), "no compiler")
    def test_several_entries_are_active_in_one_process_and_each_says_so_once(self):
        header = self.root / "aivp/base/planted.hpp"
        header.parent.mkdir(parents=True)
        header.write_text(plant.HEADER_TEXT)
        asked = "".join(f"n += aivp::planted(0x{plant.hash_of(n):016x}u);" for n in ("a.bug", "a.bug", "draw.more", "b.bug"))
        (self.root / "main.cpp").write_text(f'#include "aivp/base/planted.hpp"\nint main() {{ int n = 0; {asked} return n; }}\n')
        subprocess.run(["c++", "-std=c++20", "-Wall", "-Werror", "-I", self.root, self.root / "main.cpp", "-o", self.root / "main"],
                       check=True)
        for planted, count, said in [("", 0, ""), ("a.bug", 2, "planted: reached a.bug\n"), ("c.bug", 0, ""),
                                     ("draw.more,a.bug", 3, "planted: reached a.bug\nplanted: reached draw.more\n")]:
            done = subprocess.run([self.root / "main"], env={"AIVP_PLANT": planted}, capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (count, said), planted)


def case(**changed):
    fields = {"scenario": "s.yaml", "property": "p", "is_expectation": False, "faults_before": 5, "faults": 1, "events_before": 90,
              "events": 8, "tries": 40, "token": "aivp1:s:A", "file": "s.yaml", "from_token": 100, "from_file": 100,
              "without": "passes", "draws": {"draw.more": True, "draw.moved": False}, "drawn": ("draw.more",)}
    return kill.Case(**(fields | changed))


class shrinking(unittest.TestCase):
    def told(self, *cases):
        """Is the summary content, and what does it print?"""
        draws = [plant.Bug("draw.more", "draws", "", [], [], draw=True),
                 plant.Bug("draw.moved", "draws", "", [], [], draw=True, moves="latencies")]
        verdicts = [kill.Verdict(bugs(entry(name=f"bug.{n}"))[0], kill.Death("run", "p"), case=c, no_case="" if c else "dies of a unit test")
                    for n, c in enumerate(cases)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            content = kill.shrunk_summary(verdicts, draws, 100)
        return content, out.getvalue()

    def test_what_dies_in_no_scenario_is_counted_by_itself(self):
        content, out = self.told(case(), case(), None)
        self.assertTrue(content)
        self.assertIn("2 of 3 die in a scenario; 2 of them (100.0 %)", out)
        self.assertIn("1: dies of a unit test", out)
        self.assertIn("1 of 3", self.told(case(), None, None)[1])

    def test_fewer_than_nine_of_ten_small_cases_are_too_few_and_the_larger_are_named(self):
        self.assertTrue(self.told(*[case()] * 9, case(events=13))[0])
        content, out = self.told(*[case()] * 8, case(faults=4), case(events=13))
        self.assertFalse(content)
        self.assertIn("bug.8: 4 faults", out)
        self.assertIn("bug.9: 1 faults, 13 events", out)

    def test_a_case_that_is_not_had_again_is_named(self):
        self.assertTrue(self.told(case(without="stale"))[0])
        for changed in ({"from_token": 99}, {"from_file": 0}, {"without": "fails"}, {"draws": {"draw.more": False, "draw.moved": True}}):
            content, out = self.told(case(), case(**changed))
            self.assertFalse(content, changed)
            self.assertIn("NOT HAD AGAIN      bug.1", out)

    def test_properties_are_shrunk_before_expectations_and_stale_plans_never(self):
        findings = [("scenario.expectation", "runs: total"), ("fault.not_met", "fault.not_met"), ("tape.miss", "tape.miss"),
                    ("scenario.property", "cap.skill_calls"), ("scenario.expectation", "runs: total")]
        self.assertEqual([what for _, what in kill.ranked_findings(findings)], ["cap.skill_calls", "tape.miss", "runs: total"])


class judging(unittest.TestCase):
    def test_the_interval_of_the_canary(self):
        low, high = kill.binomial_interval(2000, 0.01, 0.999)
        self.assertTrue(5 <= low <= 9 and 34 <= high <= 38, (low, high))
        self.assertEqual(kill.binomial_interval(10, 0.5, 0.0), (5, 5))

    def test_properties_come_before_expectations(self):
        findings = [{"what": "runs: total", "code": "scenario.expectation"}, {"what": "cap.skill_calls", "code": "scenario.property"}]
        self.assertEqual(kill.first_words(findings), "cap.skill_calls")
        self.assertEqual(kill.first_words(findings[:1]), "expect runs: total")

    def test_a_tool_that_refuses_its_arguments_judges_nobody(self):
        with self.assertRaises(kill.Broken):
            kill.read_json('{"error": {"message": "no such file"}}', 3, "")
        with self.assertRaises(kill.Broken):
            kill.died(2, "unknown option")
        self.assertIn("signal 6", kill.died(-6, "assertion"))


if __name__ == "__main__":
    unittest.main()
