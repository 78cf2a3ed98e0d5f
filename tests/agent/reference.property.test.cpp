// Properties of templates and conditions over random documents and random conditions.
#include "aivp/agent/template.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "tests/agent/world.hpp"

using namespace agent_test;

namespace {

const std::vector<std::string> scalars{"null",
                                       "true",
                                       "false",
                                       "0",
                                       "-1",
                                       "2",
                                       "0.5",
                                       "9007199254740993",
                                       "9007199254740992",
                                       "1e+30",
                                       "1000000000000000000000000000000",
                                       "\"\"",
                                       "\"a\"",
                                       "\"ä\"",
                                       "\"a\\nb\"",
                                       "\"b\"",
                                       "\"\\\"\""};

payload any_value(int depth, const std::vector<std::string>& leaves) {
    const int kind = depth > 0 ? *rc::gen::inRange(0, 4) : 0;
    if (kind < 2) return json(*rc::gen::elementOf(leaves));
    std::vector<payload> values;
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n) values.push_back(any_value(depth - 1, leaves));
    if (kind == 2) return payload::of_array(values);
    std::vector<std::pair<std::string, payload>> entries;
    for (std::size_t i = 0; i < values.size(); ++i)
        entries.emplace_back(std::string(1, static_cast<char>('d' - i)), values[i]);
    return payload::of_object(std::move(entries));
}

// A template of any shape, and what it renders to when source n holds `sources[n]`.
struct any_template {
    payload document;
    payload expected;
};

std::string text_of(const payload& scalar) { return as_string(scalar).value_or(std::string(scalar.text())); }

any_template any_string(const std::vector<payload>& sources) {
    const auto name = [](std::size_t i) { return i == 0 ? std::string("trigger") : std::string("fetch"); };
    if (*rc::gen::arbitrary<bool>()) {
        const auto source = *rc::gen::inRange<std::size_t>(0, 2);
        return {payload::of_string("${" + name(source) + "}"), sources[source]};
    }
    std::string document = *rc::gen::element<std::string>("", "a", "$", "\"", "{", "ä");
    std::string expected = document;
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n) {
        const auto source = *rc::gen::inRange<std::size_t>(0, 2);
        switch (*rc::gen::inRange(0, 3)) {
        case 0:
            document += "-$${x}";
            expected += "-${x}";
            break;
        case 1:
            document += " {{{{";
            expected += " {{";
            break;
        default:
            if (sources[source].is_null() || sources[source].is_object() || sources[source].is_array()) break;
            document += "/{{ " + name(source) + " }}";
            expected += "/" + text_of(sources[source]);
            break;
        }
    }
    return {payload::of_string(document), payload::of_string(expected)};
}

any_template any_document(int depth, const std::vector<payload>& sources) {
    const int kind = *rc::gen::inRange(0, depth > 0 ? 4 : 2);
    if (kind == 0) {
        const payload leaf = json(*rc::gen::elementOf(scalars));
        return {leaf, leaf};
    }
    if (kind == 1) return any_string(sources);
    std::vector<any_template> parts;
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n) parts.push_back(any_document(depth - 1, sources));
    std::vector<payload> documents;
    std::vector<payload> results;
    std::vector<std::pair<std::string, payload>> document_members;
    std::vector<std::pair<std::string, payload>> result_members;
    for (const any_template& part : parts) {
        const std::string key = "k" + std::to_string(9 - documents.size()) + "\"";
        documents.push_back(part.document);
        results.push_back(part.expected);
        document_members.emplace_back(key, part.document);
        result_members.emplace_back(key, part.expected);
    }
    if (kind == 2) return {payload::of_array(documents), payload::of_array(results)};
    return {payload::of_object(document_members), payload::of_object(result_members)};
}

// A condition over `trigger` and `fetch`; each operand of a junction is true, false or undecidable.
std::string any_condition(int depth) {
    const auto operand = [] {
        return *rc::gen::weightedOneOf<std::string>(
            {{2, rc::gen::element<std::string>("trigger", "fetch", "fetch.d", "trigger.0")},
             {1, rc::gen::elementOf(scalars)}});
    };
    switch (*rc::gen::inRange(0, depth > 0 ? 7 : 3)) {
    case 0: return operand() + *rc::gen::element<std::string>(" == ", " != ") + operand();
    case 1:
        return *rc::gen::element<std::string>("trigger", "fetch") +
               *rc::gen::element<std::string>(" < ", " <= ", " > ", " >= ") +
               *rc::gen::element<std::string>("trigger", "fetch", "2", "\"a\"");
    case 2:
        return *rc::gen::element<std::string>("exists(fetch.d)", "empty(trigger)", "true", "false", "fetch",
                                              "exists(skipped)");
    case 3: return "!(" + any_condition(depth - 1) + ")";
    case 4: return "(" + any_condition(depth - 1) + ")";
    case 5: return "(" + any_condition(depth - 1) + ") && (" + any_condition(depth - 1) + ")";
    default: return "(" + any_condition(depth - 1) + ") || (" + any_condition(depth - 1) + ")";
    }
}

// true, false, undecidable.
enum class verdict { yes, no, error };

class decider {
public:
    decider(payload trigger, payload fetch) : trigger_(std::move(trigger)), fetch_(std::move(fetch)) {}

    verdict operator()(const std::string& text) const {
        const auto made = condition::compile(text, resolve);
        RC_LOG() << text << " with trigger " << trigger_.text() << " and fetch " << fetch_.text() << "\n";
        if (!made) RC_LOG() << to_string(made.error()) << "\n";
        RC_ASSERT(made.has_value());
        const auto out = made->evaluate([this](std::uint32_t source) {
            return source == 0 ? &trigger_ : source == 1 ? &fetch_ : nullptr;
        });
        return !out ? verdict::error : *out ? verdict::yes : verdict::no;
    }

private:
    payload trigger_;
    payload fetch_;
};

decider any_decider() { return {any_value(1, scalars), any_value(1, scalars)}; }

verdict opposite(verdict v) { return v == verdict::error ? v : v == verdict::yes ? verdict::no : verdict::yes; }

} // namespace

BOOST_AUTO_TEST_SUITE(reference_properties)

RC_BOOST_PROP(a_template_without_references_renders_as_itself, ()) {
    std::vector<std::string> leaves = scalars;
    leaves.insert(leaves.end(), {"\"$\"", "\"$$\"", "\"{\"", "\"}}\"", "\"{x}\"", "\"$x}\"", "\"{ {\""});
    const payload document = any_value(4, leaves);
    const auto made = argument_template::compile(document, resolve);
    RC_ASSERT(made.has_value());
    RC_ASSERT(made->constant());
    RC_ASSERT(made->render(look_up).value().same_as(document));
}

RC_BOOST_PROP(a_template_renders_to_what_it_was_made_from, ()) {
    const std::vector<payload> sources{any_value(2, scalars), any_value(2, scalars)};
    const any_template made = any_document(3, sources);
    RC_LOG() << made.document.text();
    const auto compiled = argument_template::compile(made.document, resolve);
    RC_ASSERT(compiled.has_value());
    const auto out = compiled->render([&](std::uint32_t source) { return &sources[source]; });
    RC_ASSERT(out.has_value());
    RC_ASSERT(out->text() == made.expected.text());
    RC_ASSERT(payload::parse(out->text()).value().text() == out->text());
}

RC_BOOST_PROP(every_part_of_a_value_can_be_referred_to, ()) {
    const payload source = any_value(3, scalars);
    std::string path = "fetch";
    payload part = source;
    while ((part.is_array() && !items(part).empty()) || (part.is_object() && !members(part).empty())) {
        if (part.is_array()) {
            const auto index = *rc::gen::inRange<std::size_t>(0, items(part).size());
            path += "." + std::to_string(index);
            part = items(part)[index];
        } else {
            const auto index = *rc::gen::inRange<std::size_t>(0, members(part).size());
            path += "." + members(part)[index].first;
            part = members(part)[index].second;
        }
    }
    const auto made = argument_template::compile(payload::of_string("${" + path + "}"), resolve);
    RC_ASSERT(made.has_value());
    RC_ASSERT(made->render([&](std::uint32_t) { return &source; }).value() == part);
}

RC_BOOST_PROP(de_morgan_holds_also_for_what_cannot_be_decided, ()) {
    const decider decide = any_decider();
    const std::string a = any_condition(2);
    const std::string b = any_condition(2);
    RC_ASSERT(decide("!((" + a + ") && (" + b + "))") == decide("!(" + a + ") || !(" + b + ")"));
    RC_ASSERT(decide("!((" + a + ") || (" + b + "))") == decide("!(" + a + ") && !(" + b + ")"));
    RC_ASSERT(decide("!(" + a + ")") == opposite(decide(a)));
    RC_ASSERT(decide("((" + a + "))") == decide(a));
}

RC_BOOST_PROP(junctions_follow_their_truth_table_from_left_to_right, ()) {
    const decider decide = any_decider();
    const std::string a = any_condition(2);
    const std::string b = any_condition(2);
    const std::string c = any_condition(1);
    const verdict left = decide(a);
    RC_ASSERT(decide("(" + a + ") && (" + b + ")") == (left == verdict::yes ? decide(b) : left));
    RC_ASSERT(decide("(" + a + ") || (" + b + ")") == (left == verdict::no ? decide(b) : left));
    RC_ASSERT(decide("(" + a + ") || (" + b + ") && (" + c + ")") ==
              decide("(" + a + ") || ((" + b + ") && (" + c + "))"));
}

RC_BOOST_PROP(the_order_is_total_on_numbers_and_on_strings, ()) {
    const bool numbers = *rc::gen::arbitrary<bool>();
    std::vector<std::string> leaves;
    for (const std::string& s : scalars) {
        if ((numbers && (s.front() == '-' || std::isdigit(static_cast<unsigned char>(s.front())))) ||
            (!numbers && s.front() == '"')) {
            leaves.push_back(s);
        }
    }
    const decider decide(json(*rc::gen::elementOf(leaves)), json(*rc::gen::elementOf(leaves)));
    const int holding = (decide("trigger < fetch") == verdict::yes) + (decide("trigger == fetch") == verdict::yes) +
                        (decide("trigger > fetch") == verdict::yes);
    RC_ASSERT(holding == 1);
    RC_ASSERT(decide("trigger <= fetch") == opposite(decide("trigger > fetch")));
    RC_ASSERT(decide("trigger >= fetch") == opposite(decide("trigger < fetch")));
    RC_ASSERT(decide("trigger < fetch") == decide("fetch > trigger"));
}

RC_BOOST_PROP(equality_is_defined_for_everything_and_symmetric, ()) {
    const decider decide = any_decider();
    RC_ASSERT(decide("trigger == fetch") != verdict::error);
    RC_ASSERT(decide("trigger == fetch") == decide("fetch == trigger"));
    RC_ASSERT(decide("trigger != fetch") == opposite(decide("trigger == fetch")));
    RC_ASSERT(decide("trigger == trigger") == verdict::yes);
}

RC_BOOST_PROP(a_literal_means_what_a_reference_to_the_same_value_means, ()) {
    const payload left = any_value(2, scalars);
    const payload right = any_value(2, scalars);
    const decider decide(left, right);
    const std::string sign = *rc::gen::element<std::string>(" == ", " != ");
    const std::string literal(right.text());
    RC_ASSERT(decide("trigger" + sign + "fetch") == decide("trigger" + sign + literal));
    RC_ASSERT(decide("trigger" + sign + "fetch") == decide(std::string(left.text()) + sign + literal));
}

BOOST_AUTO_TEST_SUITE_END()
