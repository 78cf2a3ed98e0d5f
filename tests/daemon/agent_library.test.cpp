#include "runtime/daemon/agent_library.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"

namespace {

using namespace aivp;

constexpr const char* library_skill =
    "schema_version: skill.v1\nid: a.b\nversion: 1.0.0\nsummary: s\ninputs: {type: object}\n";
constexpr const char* library_agent =
    "schema_version: v1alpha1\nid: desk\nname: Desk\nsteps: [{id: one, skill: a.b}]\n";

struct library_store {
    library_store() {
        char name[] = "/tmp/aivp-library-XXXXXX";
        folder = ::mkdtemp(name);
        open();
    }
    ~library_store() {
        store.reset();
        std::filesystem::remove_all(folder);
    }
    void open() {
        store.reset();
        sqlite_options o;
        o.path = folder + "/aivp.db";
        store = sqlite_store::open(o).value();
    }
    std::string folder;
    std::unique_ptr<sqlite_store> store;
};

snapshot_ptr make_agent(source_texts& texts) {
    texts.add("s.skill.yaml", library_skill);
    texts.add("desk.yaml", library_agent);
    std::vector<error> errors;
    skill_registry registry;
    BOOST_TEST_REQUIRE(registry.add(parse_skill(library_skill, "s.skill.yaml", errors)->contract).has_value());
    auto agent = load_agent_text(library_agent, "desk.yaml", registry, load_utc_only, errors);
    for (const error& e : errors) BOOST_TEST_MESSAGE(to_string(e));
    BOOST_TEST_REQUIRE(agent);
    return agent;
}

} // namespace

BOOST_AUTO_TEST_SUITE(agents_that_a_store_knows)

BOOST_AUTO_TEST_CASE(what_was_kept_is_found_by_another_process) {
    library_store s;
    source_texts texts;
    const snapshot_ptr agent = make_agent(texts);
    BOOST_TEST_REQUIRE(agent_library(*s.store).keep(agent, texts).has_value());
    s.open();
    agent_library library(*s.store);
    const snapshot_ptr found = library.find(agent->hashes.whole);
    BOOST_TEST_REQUIRE(found);
    BOOST_TEST((found->hashes == agent->hashes));
    BOOST_TEST(library.find(agent->hashes.whole) == found);
}

BOOST_AUTO_TEST_CASE(a_version_that_nobody_holds_is_let_go_and_found_again) {
    library_store s;
    source_texts texts;
    agent_library library(*s.store);
    snapshot_ptr agent = make_agent(texts);
    const digest whole = agent->hashes.whole;
    BOOST_TEST_REQUIRE(library.keep(agent, texts).has_value());
    BOOST_TEST(library.find(whole) == agent);
    const std::weak_ptr<const agent_snapshot> watched = agent;
    agent.reset();
    BOOST_TEST(watched.expired());
    BOOST_TEST(library.find(whole) != nullptr);
}

BOOST_AUTO_TEST_CASE(what_was_never_kept_is_not_known) {
    library_store s;
    BOOST_TEST(!agent_library(*s.store).find(sha256("somebody else")));
}

BOOST_AUTO_TEST_CASE(a_bundle_that_cannot_be_compiled_is_not_known) {
    library_store s;
    source_texts texts;
    const snapshot_ptr agent = make_agent(texts);
    const digest blob = s.store->put("no bundle at all").value();
    BOOST_TEST_REQUIRE(s.store->kv_put("aivp:bundles", to_hex(agent->hashes.whole), to_hex(blob), {}).has_value());
    BOOST_TEST(!agent_library(*s.store).find(agent->hashes.whole));
}

BOOST_AUTO_TEST_CASE(a_text_that_is_missing_is_an_error_and_nothing_is_kept) {
    library_store s;
    source_texts texts;
    const snapshot_ptr agent = make_agent(texts);
    BOOST_TEST(!agent_library(*s.store).keep(agent, source_texts()).has_value());
    BOOST_TEST(!agent_library(*s.store).find(agent->hashes.whole));
}

BOOST_AUTO_TEST_SUITE_END()
