"""The catalogue of planted bugs fits the tree, and the script that plants them refuses what it cannot do."""
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
