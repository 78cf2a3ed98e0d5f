// The values that every step handles: canonical payloads, hashes, schema checks, the next time of a schedule.
#include "aivp/base/hash.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/schedule/cron.hpp"
#include "aivp/schema/schema.hpp"
#include "ci/bench/bench.hpp"

#include <string>

namespace {

std::string event_text() {
    return R"({"type":"skill_called","run":"run_01","seq":4711,"at":1767225600000000,"skill":"mail.label","version":"1.2.0",)"
           R"("arguments":{"message":"msg_8841","labels":["invoice","to-review"],"confidence_permille":870,)"
           R"("reason":"The sender is a known supplier and the attachment is named like an invoice.",)"
           R"("history":[{"step":1,"outcome":"ok"},{"step":2,"outcome":"refused","code":"policy.denied"}]},)"
           R"("cost":{"usd_micros":1840,"input_tokens":1211,"output_tokens":96},"trace":"b7ad6b7169203331"})";
}

} // namespace

int main() {
    const std::string text = event_text();
    const auto event = aivp::payload::parse(text).value();
    std::printf("an event of %zu bytes\n", text.size());
    bench::measure("sha256", [&] { bench::keep(aivp::sha256(text).prefix()); });
    bench::measure("payload::parse (canonical text and hash)",
                   [&] { bench::keep(aivp::payload::parse(text).value().text().size()); });
    bench::measure("at_pointer /arguments/labels/1",
                   [&] { bench::keep(aivp::at_pointer(event, "/arguments/labels/1")); });

    const auto source =
        aivp::payload::parse(R"({"type":"object","additionalProperties":false,"required":["message","labels"],
        "properties":{"message":{"type":"string","maxLength":64},"labels":{"type":"array","items":{"type":"string"},"maxItems":8},
        "confidence_permille":{"type":"integer","minimum":0,"maximum":1000},"reason":{"type":"string"},
        "history":{"type":"array","items":{"type":"object"}}}})");
    const auto schema = aivp::json_schema::compile(source.value()).value();
    const auto arguments = aivp::member(event, "arguments").value();
    bench::measure("json_schema::compile",
                   [&] { bench::keep(aivp::json_schema::compile(source.value()).has_value()); });
    bench::measure("json_schema::accepts", [&] { bench::keep(schema.accepts(arguments)); });

    const auto spec = aivp::parse_cron_fields("*/5 9-17 * * MON-FRI").value();
    const auto zone = aivp::zone_rules::utc();
    const aivp::instant start{1'767'225'600'000'000};
    aivp::instant at = start;
    bench::measure("next_after, */5 9-17 * * MON-FRI", [&] {
        at = aivp::next_after(spec, zone, at).value_or(start);
        bench::keep(at.us);
    });
    return 0;
}
