#include "runtime/codec/bundle.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/files.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"
#include "tests/codec/support.hpp"

namespace {

const std::string bundle_fixtures = AIVP_SOURCE_DIR "/fixtures";

struct bundle_sources {
    aivp::skill_registry registry;
    aivp::source_texts texts;
    void add(const std::string& file, const std::string& text) {
        std::vector<aivp::error> errors;
        auto skill = aivp::parse_skill(text, file, errors);
        BOOST_REQUIRE(skill);
        BOOST_REQUIRE(registry.add(skill->contract));
        texts.add(file, text);
    }
    aivp::snapshot_ptr load(const std::string& text, const std::string& file = "a.yaml") {
        std::vector<aivp::error> errors;
        auto snapshot = aivp::load_agent_text(text, file, registry, codec_test::zones, errors);
        for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
        BOOST_REQUIRE(snapshot);
        texts.add(file, text);
        return snapshot;
    }
};

std::string bundle_skill(const std::string& id, const std::string& version, const std::string& more = "") {
    return "schema_version: skill.v1\nid: " + id + "\nversion: " + version + "\nsummary: S\ninputs: {}\n" + more;
}

const std::string bundle_agent = "schema_version: v1alpha1\nid: a\nname: A\ntimezone: Europe/Berlin\n"
                                 "skill_bindings: [{as: one, use: x}, {as: two, use: x@1}]\ngoal: g\n";

bundle_sources two_versions() {
    bundle_sources s;
    s.add("x1.skill.yaml", bundle_skill("x", "1.5.0"));
    s.add("x0.skill.yaml", bundle_skill("x", "1.4.0"));
    s.add("deep/SKILL.md", "---\n" + bundle_skill("x", "2.0.0") + "---\nHow to \xC3\xA9.\n");
    s.add("y.skill.yaml", bundle_skill("y", "1.0.0"));
    return s;
}

aivp::agent_bundle bundle_of(const aivp::snapshot_ptr& snapshot, const aivp::source_texts& texts) {
    auto bundle = aivp::make_bundle(*snapshot, texts);
    BOOST_REQUIRE_MESSAGE(bundle, (bundle ? "" : aivp::to_string(bundle.error())));
    return std::move(*bundle);
}

aivp::errc refusal_of(std::string_view text) {
    const auto bundle = aivp::parse_bundle(text);
    BOOST_REQUIRE(!bundle);
    return bundle.error().code;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, from);
    return text.replace(at, from.size(), to);
}

} // namespace

BOOST_AUTO_TEST_SUITE(bundles)

BOOST_AUTO_TEST_CASE(every_sample_agent_comes_back_with_the_same_hashes) {
    const auto files = aivp::list_files(bundle_fixtures + "/agents");
    BOOST_REQUIRE(files);
    int count = 0;
    for (const std::string& path : *files) {
        if (!path.ends_with(".yaml")) continue;
        ++count;
        aivp::workspace w(codec_test::zones);
        BOOST_REQUIRE(w.load_skills(bundle_fixtures + "/skills"));
        const auto snapshot = w.load_agent(path);
        BOOST_REQUIRE(snapshot);
        const std::string stored(aivp::to_payload(bundle_of(snapshot, w.texts())).text());
        BOOST_TEST_MESSAGE(path << ": " << stored.size() << " bytes");
        const auto read = aivp::parse_bundle(stored);
        BOOST_REQUIRE(read);
        std::vector<aivp::error> errors;
        const auto again = aivp::compile_bundle(*read, errors);
        BOOST_REQUIRE(again);
        BOOST_TEST(errors.empty());
        BOOST_TEST(((*again)->hashes == snapshot->hashes));
        BOOST_TEST(((*again)->tools == snapshot->tools && (*again)->limits == snapshot->limits));
        BOOST_TEST((*again)->file == path);
        BOOST_TEST(read->skills.size() <= snapshot->bindings.size());
    }
    BOOST_TEST(count >= 3);
}

BOOST_AUTO_TEST_CASE(a_bundle_holds_the_bound_skills_and_no_others) {
    bundle_sources s = two_versions();
    const auto bundle = bundle_of(s.load(bundle_agent), s.texts);
    std::vector<std::string> files;
    for (const aivp::bundle_file& skill : bundle.skills) files.push_back(skill.file);
    BOOST_TEST(files == (std::vector<std::string>{"deep/SKILL.md", "x1.skill.yaml"}), boost::test_tools::per_element());
    BOOST_TEST(bundle.zone.name() == "Europe/Berlin");
    BOOST_TEST((aivp::to_payload(bundle).text().starts_with(
        R"({"agent":{"file":"a.yaml","text":"schema_version: v1alpha1\n)")));
}

BOOST_AUTO_TEST_CASE(the_zone_comes_from_the_bundle_whatever_the_system_says_later) {
    bundle_sources s = two_versions();
    const auto snapshot = s.load(bundle_agent);
    auto bundle = bundle_of(snapshot, s.texts);
    std::vector<aivp::error> errors;
    BOOST_TEST((*aivp::compile_bundle(bundle, errors))->zone.segments()[0].offset_s == 3600);
    bundle.zone = *aivp::zone_rules::make("Europe/Berlin", {{aivp::zone_rules::far_past_s, 7200, false}});
    const auto other = aivp::compile_bundle(bundle, errors);
    BOOST_REQUIRE(!other);
    BOOST_TEST((other.error().code == aivp::errc::store_snapshot));
}

BOOST_AUTO_TEST_CASE(texts_that_have_changed_since_are_not_bundled) {
    bundle_sources s = two_versions();
    const auto snapshot = s.load(bundle_agent);
    auto changed = s.texts;
    changed.add("x1.skill.yaml", bundle_skill("x", "1.5.0", "effect: read\n"));
    BOOST_TEST((aivp::make_bundle(*snapshot, changed).error().code == aivp::errc::store_snapshot));
    changed.add("x1.skill.yaml", "nothing");
    BOOST_TEST((aivp::make_bundle(*snapshot, changed).error().code == aivp::errc::config_type));
    // A comment is no part of what a skill is.
    changed.add("x1.skill.yaml", "# said later\n" + bundle_skill("x", "1.5.0"));
    BOOST_TEST(aivp::make_bundle(*snapshot, changed).has_value());
}

BOOST_AUTO_TEST_CASE(a_text_that_is_not_at_hand_is_named) {
    bundle_sources s = two_versions();
    const auto snapshot = s.load(bundle_agent);
    aivp::source_texts texts;
    texts.add("a.yaml", bundle_agent);
    const auto bundle = aivp::make_bundle(*snapshot, texts);
    BOOST_REQUIRE(!bundle);
    BOOST_TEST((bundle.error().code == aivp::errc::io_not_found));
    BOOST_TEST(bundle.error().where.file == "deep/SKILL.md");
}

BOOST_AUTO_TEST_CASE(a_bundle_has_a_largest_size) {
    bundle_sources s;
    std::string bindings;
    for (int i = 0; i < 5; ++i) {
        const std::string id = "x" + std::to_string(i);
        s.add(id + "/SKILL.md", "---\n" + bundle_skill(id, "1.0.0") + "---\n" + std::string((4u << 20) - 200, 'g'));
        bindings += "{as: " + id + ", use: " + id + "}, ";
    }
    const auto snapshot =
        s.load("schema_version: v1alpha1\nid: a\nname: A\ngoal: g\nskill_bindings: [" + bindings + "]\n");
    const auto bundle = aivp::make_bundle(*snapshot, s.texts);
    BOOST_REQUIRE(!bundle);
    BOOST_TEST((bundle.error().code == aivp::errc::json_size));
    BOOST_TEST((refusal_of(std::string(aivp::bundle_bytes_max + 1, ' ')) == aivp::errc::store_snapshot));
}

BOOST_AUTO_TEST_CASE(errors_in_a_bundle_have_places_and_can_be_shown) {
    bundle_sources s = two_versions();
    auto bundle = bundle_of(s.load(bundle_agent), s.texts);
    bundle.skills[0].text = replaced(bundle.skills[0].text, "summary", "sumary");
    bundle.skills[1].text = replaced(bundle.skills[1].text, "1.5.0", "one");
    std::vector<aivp::error> errors;
    const auto snapshot = aivp::compile_bundle(bundle, errors);
    BOOST_REQUIRE(!snapshot);
    BOOST_TEST(errors.size() == 3U);
    BOOST_TEST((snapshot.error() == errors[0]));
    const std::string shown = aivp::render(errors, aivp::texts_of(bundle));
    BOOST_TEST(shown.find("--> deep/SKILL.md:5:1\n") != std::string::npos, shown);
    BOOST_TEST(shown.find("version: one") != std::string::npos, shown);
}

BOOST_AUTO_TEST_CASE(a_skill_that_is_missing_or_another_is_noticed) {
    bundle_sources s = two_versions();
    const auto bundle = bundle_of(s.load(bundle_agent), s.texts);
    const auto code_of = [](const aivp::agent_bundle& b) {
        std::vector<aivp::error> errors;
        const auto snapshot = aivp::compile_bundle(b, errors);
        BOOST_REQUIRE(!snapshot);
        return snapshot.error().code;
    };
    auto without = bundle;
    without.skills.pop_back();
    BOOST_TEST((code_of(without) == aivp::errc::skill_unknown));
    auto guidance = bundle;
    guidance.skills[0].text += "Always.\n";
    BOOST_TEST((code_of(guidance) == aivp::errc::store_snapshot));
    auto twice = bundle;
    twice.skills.push_back({"z.skill.yaml", bundle_skill("x", "1.5.0", "effect: read\n")});
    BOOST_TEST((code_of(twice) == aivp::errc::skill_duplicate));
    auto goal = bundle;
    goal.agent.text = replaced(goal.agent.text, "goal: g", "goal: h");
    BOOST_TEST((code_of(goal) == aivp::errc::store_snapshot));
}

BOOST_AUTO_TEST_CASE(only_the_canonical_form_is_read) {
    bundle_sources s = two_versions();
    const auto bundle = bundle_of(s.load(bundle_agent), s.texts);
    const std::string text(aivp::to_payload(bundle).text());
    BOOST_TEST((*aivp::parse_bundle(text) == bundle));
    for (const char* garbage : {"", "{", "null", "[]", "{}", "\"\"", "\xFF", R"({"schema_version":"skill.v1"})"})
        BOOST_TEST((refusal_of(garbage) == aivp::errc::store_snapshot), garbage);
    BOOST_TEST((refusal_of(" " + text) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(text.substr(0, text.size() - 1)) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(replaced(text, "{\"agent\"", "{\"aa\":1,\"agent\"")) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(replaced(text, "deep/SKILL.md", "z.skill.yaml")) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(replaced(text, "deep/SKILL.md", "x1.skill.yaml")) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(replaced(text, "3600 0", "3600  0")) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(replaced(text, "\"whole\":\"", "\"whole\":\"x")) == aivp::errc::store_snapshot));
    BOOST_TEST((refusal_of(replaced(text, "agent_bundle.v1", "agent_bundle.v2")) == aivp::errc::store_newer_schema));
}

BOOST_AUTO_TEST_CASE(no_byte_can_be_changed_unnoticed_but_those_of_file_names) {
    bundle_sources s = two_versions();
    const auto snapshot = s.load(bundle_agent);
    const std::string text(aivp::to_payload(bundle_of(snapshot, s.texts)).text());
    std::string unnoticed;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = changed[i] == 'e' ? 'f' : 'e';
        const auto bundle = aivp::parse_bundle(changed);
        std::vector<aivp::error> errors;
        const auto again =
            bundle ? aivp::compile_bundle(*bundle, errors) : std::unexpected<aivp::error>(bundle.error());
        if (again) BOOST_TEST(((*again)->hashes == snapshot->hashes));
        if (again) unnoticed += text[i];
    }
    BOOST_TEST(unnoticed == "a.yamldeep/SKILLx1.skill.yaml");
}

BOOST_AUTO_TEST_SUITE_END()
