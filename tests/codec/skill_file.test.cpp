#include "runtime/codec/skill_file.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/skill/registry.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/workspace.hpp"

namespace {

const std::string skill_head = "schema_version: skill.v1\nid: mail.send\nversion: 1.2.0\nsummary: Send a message.\n";

aivp::skill_file skill_from(std::string_view text, const std::string& file = "mail.skill.yaml") {
    std::vector<aivp::error> errors;
    auto skill = aivp::parse_skill(text, file, errors);
    for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
    BOOST_REQUIRE(skill);
    return std::move(*skill);
}

aivp::payload json(std::string_view text) { return *aivp::payload::parse(text); }

using texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(skill_files)

BOOST_AUTO_TEST_CASE(all_keys_reach_the_contract) {
    const auto skill =
        skill_from("---\n" + skill_head +
                       "inputs: {type: object, required: [to], properties: {to: {type: string}}}\n"
                       "outputs: {type: object, properties: {id: {type: string}}}\n"
                       "permissions: {mail: [send, read], audit: write}\n"
                       "risk: {level: high}\neffect: write\nreversible: true\nidempotent: true\ntakes_key: true\n"
                       "timeout: 1m30s\ncost_usd: 0.25\nside_effects: [send_email]\nenabled: false\napproval: "
                       "required\nmetadata: {team: shop}\n"
                       "---\n# Guidance\n",
                   "mail/SKILL.md");
    const aivp::skill_contract& c = *skill.contract;
    BOOST_TEST(c.id == "mail.send");
    BOOST_TEST(c.version == "1.2.0");
    BOOST_TEST(c.summary == "Send a message.");
    BOOST_TEST((c.effect == aivp::effect_class::write));
    BOOST_TEST((c.risk == aivp::risk_level::high));
    BOOST_TEST((c.reversible && c.idempotent && c.takes_key && c.needs_approval && !c.enabled));
    BOOST_TEST(c.timeout.us == 90'000'000);
    BOOST_TEST(c.cost_estimate.value == 250'000);
    BOOST_TEST(c.permissions == (texts{"audit:write", "mail:read", "mail:send"}), boost::test_tools::per_element());
    BOOST_TEST(c.side_effects == texts{"send_email"}, boost::test_tools::per_element());
    BOOST_TEST(c.output.has_value());
    BOOST_TEST(aivp::to_string(c.where) == "mail/SKILL.md:3:5");
    BOOST_TEST(skill.guidance == "# Guidance\n");
}

BOOST_AUTO_TEST_CASE(what_the_file_does_not_say_is_assumed_to_be_the_worse) {
    const auto c = *skill_from(skill_head + "inputs: {type: object}\n").contract;
    BOOST_TEST((c.effect == aivp::effect_class::write));
    BOOST_TEST((c.risk == aivp::risk_level::medium));
    BOOST_TEST((!c.reversible && !c.idempotent && !c.takes_key && !c.needs_approval && c.enabled));
    BOOST_TEST(c.timeout.us == 60'000'000);
    BOOST_TEST(!c.output.has_value());
}

BOOST_AUTO_TEST_CASE(a_skill_that_only_reads_can_be_repeated) {
    BOOST_TEST(skill_from(skill_head + "inputs: {type: object}\neffect: read\n").contract->idempotent);
    BOOST_TEST(skill_from(skill_head + "inputs: {type: object}\neffect: none\n").contract->idempotent);
}

BOOST_AUTO_TEST_CASE(arguments_that_nobody_declared_are_refused_unless_the_schema_says_otherwise) {
    const auto accepts = [](const std::string& inputs, std::string_view arguments) {
        return skill_from(skill_head + "inputs: " + inputs + "\n").contract->input.accepts(json(arguments));
    };
    BOOST_TEST(accepts("{type: object, properties: {a: {}}}", R"({"a":1})"));
    BOOST_TEST(!accepts("{type: object, properties: {a: {}}}", R"({"a":1,"b":2})"));
    BOOST_TEST(!accepts("{properties: {a: {}}}", R"({"b":2})"));
    BOOST_TEST(!accepts("{}", R"({"b":2})"));
    BOOST_TEST(!accepts("{}", "[]"));
    BOOST_TEST(accepts("{type: object, additionalProperties: true}", R"({"b":2})"));
    BOOST_TEST(accepts("{type: object, additionalProperties: {type: integer}}", R"({"b":2})"));
    BOOST_TEST(accepts("{type: object, allOf: [{properties: {a: {}}}]}", R"({"a":2})"));
    BOOST_TEST(!accepts("{type: object, allOf: [{properties: {a: {}}}]}", R"({"a":2,"b":2})"));
    const auto closed = skill_from(skill_head + "inputs: {type: object, allOf: [{properties: {a: {}}}]}\n")
                            .contract->input.validate(json(R"({"b":2})"));
    BOOST_REQUIRE(closed);
    BOOST_TEST(closed->unknown_property);
}

BOOST_AUTO_TEST_CASE(secrets_are_found_wherever_the_schema_marks_them) {
    const auto found = [](std::string_view schema) { return aivp::secret_pointers(json(schema)); };
    BOOST_TEST(found(R"({"properties":{"a":{"x-secret":true},"b":{"writeOnly":true},"c":{"writeOnly":false}}})") ==
                   (texts{"/a", "/b"}),
               boost::test_tools::per_element());
    BOOST_TEST(found(R"({"items":{"properties":{"t/k":{"x-secret":true}}}})") == texts{"/*/t~1k"},
               boost::test_tools::per_element());
    BOOST_TEST(found(R"({"additionalProperties":{"x-secret":true}})") == texts{"/*"}, boost::test_tools::per_element());
    BOOST_TEST(found(R"({"prefixItems":[{},{"x-secret":true}]})") == texts{"/1"}, boost::test_tools::per_element());
    BOOST_TEST(
        found(
            R"({"$defs":{"k":{"x-secret":true},"unused":{"x-secret":true}},"properties":{"a":{"$ref":"#/$defs/k"}}})") ==
            texts{"/a"},
        boost::test_tools::per_element());
    BOOST_TEST(found(R"({"anyOf":[{"properties":{"a":{"x-secret":true}}},{"not":{}}]})") == texts{"/a"},
               boost::test_tools::per_element());
    BOOST_TEST(found(R"({"x-secret":true})") == texts{""}, boost::test_tools::per_element());
    BOOST_TEST(found(R"({"properties":{"x-secret":{"type":"string"}}})").empty());
}

BOOST_AUTO_TEST_CASE(in_a_recursive_schema_what_lies_too_deep_to_follow_counts_as_secret) {
    const auto found = aivp::secret_pointers(json(R"({"properties":{"key":{"x-secret":true},"next":{"$ref":"#"}}})"));
    BOOST_TEST(found.front() == "/key");
    BOOST_TEST(std::ranges::count(found, "/next/key") == 1);
    BOOST_TEST(std::ranges::any_of(found, [](const std::string& p) { return p.ends_with("/next/next"); }));
    const auto many = aivp::secret_pointers(
        json(R"({"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"},"k":{"x-secret":true}}})"));
    BOOST_TEST(many == texts{""}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(secrets_of_arguments_and_of_results_are_kept_apart) {
    const auto c =
        *skill_from(skill_head + "inputs: {type: object, properties: {token: {type: string, x-secret: true}}}\n"
                                 "outputs: {type: object, properties: {receipt: {type: string, writeOnly: true}}}\n")
             .contract;
    BOOST_TEST(c.secret_arguments == texts{"/token"}, boost::test_tools::per_element());
    BOOST_TEST(c.secret_results == texts{"/receipt"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_hash_follows_the_content_and_not_the_layout) {
    const auto a = skill_from(skill_head + "inputs: {type: object, properties: {a: {type: string}}}\n").contract->hash;
    const auto b = skill_from("# a comment\n" + skill_head +
                              "inputs:\n  properties:\n    a:\n      type: \"string\"\n  type: object\n")
                       .contract->hash;
    const auto c = skill_from(skill_head + "inputs: {type: object, properties: {a: {type: number}}}\n").contract->hash;
    const auto with_front_matter =
        skill_from("---\n" + skill_head + "inputs: {type: object, properties: {a: {type: string}}}\n---\n", "SKILL.md")
            .contract->hash;
    const auto with_guidance =
        skill_from("---\n" + skill_head + "inputs: {type: object, properties: {a: {type: string}}}\n---\nx", "SKILL.md")
            .contract->hash;
    BOOST_TEST((a == b));
    BOOST_TEST((a != c));
    BOOST_TEST((a == with_front_matter));
    BOOST_TEST((a != with_guidance));
}

BOOST_AUTO_TEST_CASE(front_matter_may_have_crlf_and_a_byte_order_mark) {
    const auto skill = skill_from("\xEF\xBB\xBF---\r\nschema_version: skill.v1\r\nid: a\r\nversion: 1.0.0\r\nsummary: "
                                  "s\r\ninputs: {}\r\n---\r\nbody --- \r\n---\r\n",
                                  "SKILL.md");
    BOOST_TEST(skill.contract->id == "a");
    BOOST_TEST(skill.guidance == "body --- \r\n---\r\n");
}

BOOST_AUTO_TEST_CASE(aos_skill_metadata_is_read) {
    const auto c =
        *skill_from(R"({"skill_id": "http_call", "name": "HTTP", "version": "0.2.0", "description": "Calls an address.",
        "input_schema": {"type": "object", "properties": {"url": {"type": "string"}}}, "output_schema": {"type": "object"},
        "timeout_ms": 1500, "cost_estimate_cents": 2, "permissions": ["net"], "side_effects": ["http_call"], "tags": ["x"], "owner": "me",
        "retry_policy": {"max_attempts": 3}, "created_at": "2026-01-01T00:00:00Z"})",
                    "http.skill.json")
             .contract;
    BOOST_TEST(c.id == "http_call");
    BOOST_TEST(c.summary == "Calls an address.");
    BOOST_TEST(c.timeout.us == 1'500'000);
    BOOST_TEST(c.cost_estimate.value == 20'000);
    BOOST_TEST((c.effect == aivp::effect_class::write));
    BOOST_TEST(c.permissions == texts{"net"}, boost::test_tools::per_element());
    BOOST_TEST(!c.input.accepts(json(R"({"other":1})")));
    const auto reader =
        *skill_from(
             R"({"skill_id":"r","name":"R","version":"1.0.0","input_schema":{},"output_schema":{},"timeout_ms":1,"cost_estimate_cents":0,"side_effects":[]})",
             "r.skill.json")
             .contract;
    BOOST_TEST((reader.effect == aivp::effect_class::read));
    BOOST_TEST(reader.idempotent);
    const auto silent =
        *skill_from(
             R"({"skill_id":"r","name":"R","version":"1.0.0","input_schema":{},"output_schema":{},"timeout_ms":1,"cost_estimate_cents":0})",
             "r.skill.json")
             .contract;
    BOOST_TEST((silent.effect == aivp::effect_class::write));
}

BOOST_AUTO_TEST_CASE(skill_ids_are_lower_case_words) {
    for (const char* good : {"a", "mail.send", "a_b-c.d2", "2fa"}) BOOST_TEST(aivp::is_skill_id(good), good);
    for (const char* bad : {"", ".", "a.", "-a", "A", "a b", "ä", "a/b", "a@1"})
        BOOST_TEST(!aivp::is_skill_id(bad), bad);
    BOOST_TEST(aivp::is_skill_id(std::string(128, 'a')));
    BOOST_TEST(!aivp::is_skill_id(std::string(129, 'a')));
}

BOOST_AUTO_TEST_CASE(pools_name_imports_and_entries) {
    std::vector<aivp::error> errors;
    const auto pool =
        aivp::parse_skill_pool("schema_version: skill_pool.v1\nimports: [{kind: local, path: skills}]\n"
                               "registry: [{id: a.b, version: 1.0.0, source: local, status: disabled}, {id: c}]\n",
                               "pool.yaml", errors);
    BOOST_REQUIRE(pool);
    BOOST_TEST(pool->imports[0].path.text == "skills");
    BOOST_TEST(!pool->entries[0].enabled);
    BOOST_TEST(pool->entries[1].enabled);
    BOOST_TEST(!pool->entries[1].version.has_value());
}

BOOST_AUTO_TEST_CASE(the_sample_skills_are_sound_and_declare_what_they_do) {
    aivp::workspace w;
    const bool sound = w.load_skills(AIVP_SOURCE_DIR "/fixtures/skills");
    BOOST_TEST(sound, w.report());
    BOOST_TEST(w.skills().ids().size() == 23U);
    for (const aivp::skill_ptr& skill : w.skills().all()) {
        BOOST_TEST(skill->output.has_value(), skill->id);
        BOOST_TEST(!w.guidance(*skill).empty(), skill->id);
        BOOST_TEST((skill->effect != aivp::effect_class::write) == skill->side_effects.empty(), skill->id);
    }
    const auto charge = w.skills().resolve("payment.charge");
    BOOST_REQUIRE(charge);
    BOOST_TEST(((*charge)->takes_key && !(*charge)->reversible && !(*charge)->idempotent));
    BOOST_TEST((*charge)->secret_arguments == texts{"/card_token"}, boost::test_tools::per_element());
    BOOST_TEST((*charge)->secret_results == texts{"/receipt_token"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
