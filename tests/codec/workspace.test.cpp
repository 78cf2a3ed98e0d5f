#include "runtime/codec/workspace.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/files.hpp"
#include "tests/codec/support.hpp"

namespace {

namespace fs = std::filesystem;

const std::string fixtures = AIVP_SOURCE_DIR "/fixtures";

/// A folder of its own, removed at the end.
struct scratch_folder {
    fs::path path;
    scratch_folder() {
        std::string name = (fs::temp_directory_path() / "aivp-codec-XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~scratch_folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    std::string write(const std::string& name, std::string_view text) const {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name, std::ios::binary) << text;
        return (path / name).string();
    }
};

std::string skill_text(const std::string& id, const std::string& version, const std::string& more = "") {
    return "schema_version: skill.v1\nid: " + id + "\nversion: " + version + "\nsummary: S\ninputs: {}\n" + more;
}

std::string codes(const aivp::workspace& w) {
    std::string found;
    for (const aivp::error& e : w.errors()) found += (found.empty() ? "" : ", ") + std::string(aivp::info(e.code).name);
    return found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(workspaces)

BOOST_AUTO_TEST_CASE(the_sample_agents_compile_against_the_sample_skills) {
    aivp::workspace w(codec_test::zones);
    BOOST_REQUIRE(w.load_skills(fixtures + "/skills"));
    const auto agents = aivp::list_files(fixtures + "/agents");
    BOOST_REQUIRE(agents);
    int count = 0;
    for (const std::string& path : *agents) {
        if (!path.ends_with(".yaml")) continue;
        ++count;
        const auto agent = w.load_agent(path);
        BOOST_TEST((agent != nullptr), w.report());
    }
    BOOST_TEST(count >= 3);
    BOOST_TEST(w.report() == "");
}

BOOST_AUTO_TEST_CASE(the_inbox_triager_cannot_delete_files) {
    aivp::workspace w(codec_test::zones);
    BOOST_REQUIRE(w.load_skills(fixtures + "/skills"));
    const auto agent = w.load_agent(fixtures + "/agents/inbox-triager.yaml");
    BOOST_REQUIRE(agent);
    for (const aivp::skill_binding& binding : agent->bindings) BOOST_TEST(binding.skill->id != "files.delete");
    BOOST_TEST(agent->tools.text().find("delete") == std::string_view::npos);
    BOOST_TEST(agent->tools.text().find("archive@shop.example") == std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_folder_is_searched_for_skill_files_of_every_kind) {
    const scratch_folder folder;
    folder.write("a/SKILL.md", "---\n" + skill_text("a", "1.0.0") + "---\nhow to a\n");
    folder.write("a/readme.md", "nothing");
    folder.write("b.SKILL.md", "---\n" + skill_text("b", "1.0.0") + "---\n");
    folder.write("deep/er/c.skill.yaml", skill_text("c", "1.0.0"));
    folder.write("d.skill.yml", skill_text("d", "1.0.0"));
    folder.write(
        "e.skill.json",
        R"({"skill_id":"e","name":"E","version":"1.0.0","input_schema":{},"output_schema":{},"timeout_ms":1,"cost_estimate_cents":0})");
    folder.write("agent.yaml", "not: a skill\n");
    aivp::workspace w;
    BOOST_TEST(w.load_skills(folder.path.string()));
    BOOST_TEST(w.skills().ids() == (std::vector<std::string>{"a", "b", "c", "d", "e"}),
               boost::test_tools::per_element());
    BOOST_TEST(w.guidance(**w.skills().resolve("a")) == "how to a\n");
    BOOST_TEST(w.guidance(**w.skills().resolve("c")) == "");
}

BOOST_AUTO_TEST_CASE(what_is_sound_is_registered_beside_what_is_not) {
    const scratch_folder folder;
    folder.write("a.skill.yaml", skill_text("a", "1.0.0"));
    folder.write("b.skill.yaml", skill_text("b", "one"));
    folder.write("c.skill.yaml", skill_text("c", "1.0.0", "colour: red\n"));
    folder.write("d.skill.yaml", skill_text("a", "1.0.0", "effect: read\n"));
    aivp::workspace w;
    BOOST_TEST(!w.load_skills(folder.path.string()));
    BOOST_TEST(codes(w) == "config.value, config.unknown_key, skill.duplicate");
    BOOST_TEST(w.skills().ids() == std::vector<std::string>{"a"}, boost::test_tools::per_element());
    BOOST_TEST(w.report().find("colour: red\n   | ^^^^^^ config.unknown_key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(missing_files_and_folders_without_skills_are_errors) {
    const scratch_folder folder;
    folder.write("empty/readme.txt", "x");
    aivp::workspace w;
    BOOST_TEST(!w.load_skills((folder.path / "nowhere").string()));
    BOOST_TEST(!w.load_skills((folder.path / "empty").string()));
    BOOST_TEST((w.load_agent((folder.path / "no.yaml").string()) == nullptr));
    BOOST_TEST((w.load_agent(folder.path.string()) == nullptr));
    BOOST_TEST(codes(w) == "io.not_found, io.not_found, io.not_found, io.read");
}

BOOST_AUTO_TEST_CASE(a_pool_imports_what_lies_below_it_and_switches_skills_off) {
    const scratch_folder folder;
    folder.write("skills/a.skill.yaml", skill_text("a", "1.0.0"));
    folder.write("skills/a2.skill.yaml", skill_text("a", "1.1.0"));
    const std::string pool =
        folder.write("pool.yaml", "schema_version: skill_pool.v1\nimports: [{kind: local, path: skills}]\nregistry: "
                                  "[{id: a, version: 1.1.0, status: disabled}]\n");
    aivp::workspace w;
    BOOST_TEST(w.load_skills(pool), w.report());
    BOOST_TEST((*w.skills().resolve("a"))->version == "1.0.0");
    BOOST_TEST((w.skills().resolve("a@1.1.0").error().code == aivp::errc::skill_disabled));
}

BOOST_AUTO_TEST_CASE(a_pool_cannot_leave_its_folder_through_a_symbolic_link_or_import_itself) {
    const scratch_folder folder;
    folder.write("outside/a.skill.yaml", skill_text("a", "1.0.0"));
    fs::create_directories(folder.path / "in");
    fs::create_directory_symlink(folder.path / "outside", folder.path / "in" / "link");
    aivp::workspace linked;
    BOOST_TEST(!linked.load_skills(
        folder.write("in/pool.yaml", "schema_version: skill_pool.v1\nimports: [{kind: local, path: link}]\n")));
    BOOST_TEST(codes(linked) == "io.unsafe_path");
    aivp::workspace circular;
    BOOST_TEST(!circular.load_skills(
        folder.write("in/loop.yaml", "schema_version: skill_pool.v1\nimports: [{kind: local, path: ./loop.yaml}]\n")));
    BOOST_TEST(codes(circular) == "config.not_supported");
}

BOOST_AUTO_TEST_CASE(paths_stay_below_their_folder) {
    const scratch_folder folder;
    folder.write("a/b.txt", "x");
    const std::string root = folder.path.string();
    BOOST_TEST(*aivp::path_below(root, "a/b.txt") == root + "/a/b.txt");
    BOOST_TEST(aivp::path_below(root, "a/../a/b.txt").has_value());
    BOOST_TEST(aivp::path_below(root, ".").has_value());
    for (const char* path : {"..", "../x", "a/../..", "/etc/passwd", "", "a/../../x"}) {
        const auto refused = aivp::path_below(root, path);
        BOOST_REQUIRE(!refused);
        BOOST_TEST((refused.error().code == aivp::errc::io_unsafe_path), path);
    }
    BOOST_TEST((aivp::path_below(root, "a/c.txt").error().code == aivp::errc::io_not_found));
}

BOOST_AUTO_TEST_CASE(files_are_read_whole_up_to_a_limit) {
    const scratch_folder folder;
    const std::string path = folder.write("x", std::string(200'000, 'x') + std::string(1, '\0'));
    BOOST_TEST(aivp::read_file(path, 1u << 20)->size() == 200'001U);
    BOOST_TEST((aivp::read_file(path, 200'000).error().code == aivp::errc::json_size));
    BOOST_TEST((aivp::read_file(folder.path.string(), 10).error().code == aivp::errc::io_read));
    BOOST_TEST(aivp::folder_of("a/b/c.yaml") == "a/b");
    BOOST_TEST(aivp::folder_of("c.yaml") == ".");
}

BOOST_AUTO_TEST_SUITE_END()
