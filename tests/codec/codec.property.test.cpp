// What holds for every value: it survives being written as JSON or YAML and read again, and the order of keys and files
// changes nothing. And for every agent: its bundle compiles to the snapshot that it was made of.
#include "runtime/codec/bundle.hpp"

#include <string>
#include <vector>

#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"
#include "runtime/codec/yaml.hpp"
#include "tests/codec/support.hpp"

namespace {

rc::Gen<std::string> property_text() {
    return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                            "a", "b", " ", "\"", "\\", "'", "#", ": ", "- ", "\n", "\t", "é", "日", "{", "]", "&", "*",
                            "!", "true", "1", "~", ".5", "<<", "%", "\x7f", "😀")),
                        [](const std::vector<std::string>& parts) {
                            std::string text;
                            for (const std::string& part : parts) text += part;
                            return text;
                        });
}

aivp::payload property_scalar() {
    switch (*rc::gen::inRange(0, 5)) {
    case 0: return aivp::payload();
    case 1: return aivp::payload::of_bool(*rc::gen::arbitrary<bool>());
    case 2: return aivp::payload::of_integer(*rc::gen::arbitrary<std::int64_t>());
    case 3: {
        std::string number;
        aivp::append_number(number, *rc::gen::arbitrary<double>());
        return aivp::payload::from_canonical(number);
    }
    default: return aivp::payload::of_string(*property_text());
    }
}

aivp::payload property_value(int depth) {
    const int kind = depth == 0 ? 0 : *rc::gen::inRange(0, 3);
    if (kind == 0) return property_scalar();
    const int size = *rc::gen::inRange(0, 4);
    std::vector<aivp::payload> items;
    std::vector<std::pair<std::string, aivp::payload>> members;
    for (int i = 0; i < size; ++i) {
        items.push_back(property_value(depth - 1));
        members.emplace_back(*property_text() + std::to_string(i), items.back());
    }
    return kind == 1 ? aivp::payload::of_array(items) : aivp::payload::of_object(std::move(members));
}

/// Block style; every text in double quotes, with JSON's escapes, which YAML shares.
void append_block(std::string& out, const aivp::payload& value, const std::string& indent) {
    const auto nested = [&](const aivp::payload& part) {
        const bool is_block =
            (part.is_array() && !aivp::items(part).empty()) || (part.is_object() && !aivp::members(part).empty());
        out += is_block ? "\n" : " ";
        append_block(out, part, indent + "  ");
    };
    if (value.is_array() && !aivp::items(value).empty()) {
        for (const aivp::payload& item : aivp::items(value)) {
            out += indent + "-";
            nested(item);
        }
    } else if (value.is_object() && !aivp::members(value).empty()) {
        for (const auto& [key, part] : aivp::members(value)) {
            out += indent;
            aivp::append_json_string(out, key);
            out += ":";
            nested(part);
        }
    } else {
        out += std::string(value.text()) + "\n";
    }
}

void check_reads_back(const aivp::payload& value, std::string_view text, const std::string& file) {
    std::vector<aivp::error> errors;
    const auto document = aivp::read_document(text, file, errors);
    for (const aivp::error& e : errors) RC_LOG() << aivp::to_string(e) << "\n" << text << "\n";
    RC_ASSERT(document.has_value());
    const auto read = aivp::to_located_payload(document->root, file);
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->value.text() == value.text());
    for (const aivp::payload_place& place : read->places) RC_ASSERT(aivp::at_pointer(value, place.pointer).has_value());
}

/// A workspace without files: skills in many versions, some of them switched off, and an agent that binds some.
struct property_workspace {
    aivp::skill_registry registry;
    aivp::source_texts texts;
    std::string agent;
};

void add_property_skill(property_workspace& w, const std::string& id, const std::string& version,
                        const std::string& more) {
    std::vector<aivp::error> errors;
    const std::string keys = "schema_version: skill.v1\nid: " + id + "\nversion: " + version +
                             "\nsummary: " + std::string(aivp::payload::of_string("s" + *property_text()).text()) +
                             "\ninputs: {}\n" + more;
    const bool is_markdown = *rc::gen::arbitrary<bool>();
    const std::string file = id + "-" + version + (is_markdown ? ".SKILL.md" : ".skill.yaml");
    const std::string text = is_markdown ? "---\n" + keys + "---\n" + *property_text() : keys;
    const auto skill = aivp::parse_skill(text, file, errors);
    RC_ASSERT(skill.has_value());
    RC_ASSERT(w.registry.add(skill->contract).has_value());
    w.texts.add(file, text);
}

property_workspace make_property_workspace() {
    property_workspace w;
    for (const char* id : {"x", "y"})
        for (const char* version : {"1.0.0", "1.0.0+b", "1.2.0", "1.10.0-rc.1", "2.0.0"})
            if (*rc::gen::inRange(0, 3) > 0)
                add_property_skill(
                    w, id, version,
                    *rc::gen::element<std::string>("", "", "enabled: false\n", "retry: {attempts: 3}\n"));
    add_property_skill(w, "z", "1.0.0", "");
    const bool has_steps = *rc::gen::arbitrary<bool>();
    w.agent =
        "schema_version: v1alpha1\nid: a\nname: A\ntimezone: " +
        *rc::gen::element<std::string>("UTC", "Europe/Berlin") + "\n" + (has_steps ? "steps:\n" : "goal: ") +
        (has_steps ? "" : std::string(aivp::payload::of_string("g" + *property_text()).text()) + "\nskill_bindings:\n");
    const int count = *rc::gen::inRange(1, 6);
    std::vector<std::string> uses;
    for (const char* use : {"x", "x@1", "x@1.2", "x@2.0.0", "x@1.0.0", "y", "y@1", "y@1.0.0+b", "z"})
        if (w.registry.resolve(use)) uses.emplace_back(use);
    for (int i = 0; i < count; ++i) {
        const std::string use = *rc::gen::elementOf(uses);
        w.agent += "  - {" + std::string(has_steps ? "id: s" : "as: s") + std::to_string(i) + ", use: " + use + "}\n";
    }
    return w;
}

} // namespace

BOOST_AUTO_TEST_SUITE(codec_properties)

RC_BOOST_PROP(every_value_survives_json, ()) {
    const aivp::payload value = property_value(4);
    check_reads_back(value, value.text(), "v.json");
}

RC_BOOST_PROP(every_value_survives_yaml_in_block_style, ()) {
    const aivp::payload value = property_value(4);
    std::string text;
    append_block(text, value, "");
    check_reads_back(value, text, "v.yaml");
}

RC_BOOST_PROP(every_text_survives_as_a_literal_block, ()) {
    std::string text = "x" + *property_text();
    std::erase(text, '\n');
    std::erase(text, '\t');
    const std::string file = "key: |\n  " + text + "\n  end\n";
    check_reads_back(aivp::payload::of_object({{"key", aivp::payload::of_string(text + "\nend\n")}}), file, "v.yaml");
}

RC_BOOST_PROP(every_agent_that_compiles_comes_back_from_its_bundle, ()) {
    property_workspace w = make_property_workspace();
    std::vector<aivp::error> errors;
    const auto snapshot = aivp::load_agent_text(w.agent, "a.yaml", w.registry, codec_test::zones, errors);
    for (const aivp::error& e : errors) RC_LOG() << aivp::to_string(e) << "\n" << w.agent << "\n";
    RC_ASSERT(errors.empty());
    w.texts.add("a.yaml", w.agent);
    const auto bundle = aivp::make_bundle(*snapshot, w.texts);
    RC_ASSERT(bundle.has_value());
    RC_ASSERT(bundle->skills.size() <= snapshot->bindings.size());
    const auto read = aivp::parse_bundle(aivp::to_payload(*bundle).text());
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == *bundle);
    const auto again = aivp::compile_bundle(*read, errors);
    RC_ASSERT(again.has_value());
    RC_ASSERT((*again)->hashes == snapshot->hashes);
    RC_ASSERT((*again)->tools == snapshot->tools);
    for (std::size_t i = 0; i < snapshot->bindings.size(); ++i)
        RC_ASSERT((*again)->bindings[i].skill->where == snapshot->bindings[i].skill->where);
}

RC_BOOST_PROP(no_text_is_both_read_and_refused, (const std::string& noise)) {
    std::vector<aivp::error> errors;
    const auto document = aivp::read_document(noise, "v.yaml", errors);
    RC_ASSERT(document.has_value() == errors.empty());
    for (const aivp::error& e : errors) RC_ASSERT(e.where.file == "v.yaml");
}

BOOST_AUTO_TEST_SUITE_END()
