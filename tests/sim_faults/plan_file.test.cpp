#include "sim/faults/plan_file.hpp"

#include <string>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

using namespace aivp;
using namespace aivp::sim;

namespace {

/// The faults of a list, and what was wrong with it: "line:column message".
struct reading {
    fault_plan plan;
    std::string wrong;
};

reading read(const std::string& text) {
    std::vector<error> errors;
    reading out;
    const auto document = read_document(text, "plan.yaml", errors);
    if (document) {
        file_errors reported("plan.yaml", errors);
        out.plan = read_faults(document->root, reported);
    }
    for (const error& e : errors)
        out.wrong += std::to_string(e.where.line) + ":" + std::to_string(e.where.column) + " " + e.message +
                     (e.help.empty() ? "" : " (" + e.help + ")") + "\n";
    return out;
}

fault any_fault() {
    const auto& kind = *rc::gen::elementOf(fault_kinds());
    fault f{.site = to_string(kind.port), .kind = kind.kind};
    switch (kind.port) {
    case fault_port::skill: f.site += "/clerk/charge"; break;
    case fault_port::model:
    case fault_port::user:
    case fault_port::command: f.site += "/clerk"; break;
    case fault_port::process: f.site += *rc::gen::element("/commit", "/effect"); break;
    default: break;
    }
    f.ordinal = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    f.severity = *rc::gen::inRange<std::uint8_t>(1, 4);
    if (kind.repeats) f.times = *rc::gen::inRange<std::uint64_t>(0, 100);
    if (!kind.span.name.empty()) f.span = microseconds(*rc::gen::inRange<std::int64_t>(0, 86'400'000'000));
    if (!kind.forms.empty()) f.form = *rc::gen::inRange<std::uint8_t>(0, static_cast<std::uint8_t>(kind.forms.size()));
    return f;
}

} // namespace

BOOST_AUTO_TEST_SUITE(plan_files)

RC_BOOST_PROP(every_fault_is_read_back_as_it_was_written, ()) {
    const fault f = any_fault();
    const reading r = read("- " + to_yaml(f) + "\n");
    RC_ASSERT(r.wrong == "");
    RC_ASSERT(r.plan == (fault_plan{{f}}));
}

BOOST_AUTO_TEST_CASE(what_is_left_out_is_usual) {
    const reading r = read("- {site: store, kind: commit_lost}\n");
    BOOST_TEST(r.wrong == "");
    BOOST_REQUIRE_EQUAL(r.plan.faults.size(), 1U);
    BOOST_TEST((r.plan.faults[0] == fault{.site = "store", .kind = fault_kind::store_commit_lost}));
}

BOOST_AUTO_TEST_CASE(every_mistake_is_named_where_it_stands_with_what_would_help) {
    BOOST_TEST(read("- {site: skil/a/b, kind: lost}\n").wrong ==
               "1:10 there is no site `skil/a/b` (One of: model/AGENT, skill/AGENT/BINDING, user/AGENT, store, disk, "
               "process/commit or process/effect, clock, command/AGENT, ties.)\n");
    BOOST_TEST(read("- {site: skill/a, kind: lost}\n").wrong ==
               "1:10 `skill/a` is no site (Write it as skill/AGENT/BINDING.)\n");
    BOOST_TEST(read("- {site: process, kind: kill}\n").wrong ==
               "1:10 `process` is no site (Write it as process/commit or process/effect.)\n");
    BOOST_TEST(read("- {site: model//, kind: late}\n").wrong.starts_with("1:10 `model//` is no site"));
    BOOST_TEST(read("- {site: user/a, kind: laves}\n").wrong ==
               "1:24 there is no fault of a user `laves` (Did you mean `leaves`?)\n");
    BOOST_TEST(read("- {site: model/a, kind: rate_limited, form: dates}\n").wrong ==
               "1:45 there is no form `dates` (Did you mean `date`?)\n");
    BOOST_TEST(read("- {site: store, kind: commit_lost, ordinal: 0}\n").wrong.starts_with("1:45 "));
    BOOST_TEST(read("- {site: store, kind: commit_lost, severity: 4}\n").wrong.starts_with("1:46 "));
    BOOST_TEST(read("- {site: store, kind: commit_lost, late: 2s}\n").wrong.starts_with("1:36 "));
    BOOST_TEST(read("- {site: clock, kind: back, times: 2}\n").wrong.starts_with("1:29 "));
    BOOST_TEST(read("- {kind: late}\n").wrong.starts_with("1:3 "));
    BOOST_TEST(read("- late\n").wrong.starts_with("1:3 "));
}

BOOST_AUTO_TEST_SUITE_END()
