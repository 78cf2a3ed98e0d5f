// Validation of ordinary skill arguments, beside valijson (draft-07) on the same schemas and instances in the same run.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "aivp/schema/schema.hpp"

namespace {

struct bench_case {
    std::string_view name;
    std::string_view schema;
    std::string_view instance;
};

constexpr bench_case cases[] = {
    {"args, 5 properties",
     R"({"type":"object","required":["to","subject","body"],"additionalProperties":false,"properties":{
        "to":{"type":"string","minLength":3,"maxLength":320},"subject":{"type":"string","maxLength":200},"body":{"type":"string"},
        "priority":{"enum":["low","normal","high"]},"retries":{"type":"integer","minimum":0,"maximum":10}}})",
     R"({"body":"The report for March is attached; please look at page three.","priority":"normal","retries":3,"subject":"Report for March","to":"ana@example.com"})"},
    {"args with a pattern", R"({"type":"object","required":["id","amount"],"additionalProperties":false,"properties":{
        "id":{"type":"string","pattern":"^inv-[0-9]{4,12}$"},"amount":{"type":"number","exclusiveMinimum":0,"multipleOf":0.01},
        "currency":{"type":"string","pattern":"^[A-Z]{3}$"},"note":{"type":"string","maxLength":500}}})",
     R"({"amount":1204.55,"currency":"EUR","id":"inv-00012093","note":"second reminder, due in ten days"})"},
    {"nested, 40 values",
     R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","maxItems":100,"items":{"$ref":"#/definitions/line"}}},
        "definitions":{"line":{"type":"object","required":["sku","count"],"additionalProperties":false,"properties":{
        "sku":{"type":"string","minLength":1},"count":{"type":"integer","minimum":1},"tags":{"type":"array","items":{"type":"string"},"uniqueItems":true}}}}})",
     R"({"items":[{"count":1,"sku":"a-1","tags":["x","y"]},{"count":2,"sku":"b-22","tags":["x"]},{"count":3,"sku":"c-333","tags":[]},{"count":4,"sku":"d-4444","tags":["u","v","w"]},{"count":5,"sku":"e-5","tags":["k"]},{"count":6,"sku":"f-66"}]})"},
    {"anyOf of 3 objects", R"({"anyOf":[
        {"type":"object","required":["kind","radius"],"properties":{"kind":{"const":"circle"},"radius":{"type":"number"}}},
        {"type":"object","required":["kind","side"],"properties":{"kind":{"const":"square"},"side":{"type":"number"}}},
        {"type":"object","required":["kind","width","height"],"properties":{"kind":{"const":"box"},"width":{"type":"number"},"height":{"type":"number"}}}]})",
     R"({"height":3.5,"kind":"box","width":12})"},
};

/// Nanoseconds of one call: the best of several rounds, as everything else on the machine only adds.
template <class Body>
double measure_ns(Body&& body) {
    using clock = std::chrono::steady_clock;
    std::int64_t calls = 64;
    double best = 1e18;
    for (int round = 0; round < 15;) {
        const auto begin = clock::now();
        for (std::int64_t i = 0; i < calls; ++i) body();
        const auto ns = std::chrono::duration<double, std::nano>(clock::now() - begin).count();
        if (ns < 10e6) {
            calls *= 2;
            continue;
        }
        best = std::min(best, ns / static_cast<double>(calls));
        ++round;
    }
    return best;
}

} // namespace

int main() {
    std::printf("%-22s %6s %12s %12s %9s %16s %9s\n", "case", "bytes", "aivp ns", "valijson ns", "ratio",
                "with parse ns", "ratio");
    std::uint64_t accepted = 0;
    for (const auto& c : cases) {
        const auto source = aivp::payload::parse(c.schema);
        const auto instance = aivp::payload::parse(c.instance);
        const auto schema =
            source ? aivp::json_schema::compile(*source) : aivp::result<aivp::json_schema>(aivp::json_schema());
        if (!source || !instance || !schema || !schema->accepts(*instance)) {
            std::printf("%s: the case itself is wrong\n", std::string(c.name).c_str());
            return 1;
        }
        const auto ours_ns = measure_ns([&] { accepted += !schema->validate(*instance).has_value(); });

        const auto peer_source = nlohmann::json::parse(c.schema);
        valijson::Schema peer_schema;
        valijson::SchemaParser(valijson::SchemaParser::kDraft7)
            .populateSchema(valijson::adapters::NlohmannJsonAdapter(peer_source), peer_schema);
        const auto document = nlohmann::json::parse(c.instance);
        valijson::Validator validator;
        const auto peer_ns = measure_ns([&] {
            accepted += validator.validate(peer_schema, valijson::adapters::NlohmannJsonAdapter(document), nullptr);
        });
        const auto parsed_ns = measure_ns([&] {
            const auto parsed = nlohmann::json::parse(instance->text());
            accepted += validator.validate(peer_schema, valijson::adapters::NlohmannJsonAdapter(parsed), nullptr);
        });
        std::printf("%-22s %6zu %12.1f %12.1f %8.1fx %16.1f %8.1fx\n", std::string(c.name).c_str(),
                    instance->text().size(), ours_ns, peer_ns, peer_ns / ours_ns, parsed_ns, parsed_ns / ours_ns);
    }
    return accepted == 0;
}
