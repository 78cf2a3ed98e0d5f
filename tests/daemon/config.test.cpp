#include "runtime/daemon/config.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace aivp;

struct reading {
    std::vector<error> errors;
    daemon_config config;
};

reading read(std::string_view text) {
    reading out;
    out.config = parse_daemon_config(text, "aivp.yaml", "/srv/shop", out.errors);
    return out;
}

std::string first_of(const reading& r) {
    if (r.errors.empty()) return "";
    const error& e = r.errors.front();
    return std::string(info(e.code).name) + " " + to_string(e.where);
}

} // namespace

BOOST_AUTO_TEST_SUITE(daemon_configuration)

BOOST_AUTO_TEST_CASE(an_empty_one_means_the_defaults) {
    const reading r = read("schema_version: daemon.v1\n");
    BOOST_TEST(r.errors.empty());
    BOOST_TEST(r.config.state_folder == "/srv/shop/.aivp");
    BOOST_TEST(r.config.agents.empty());
    BOOST_TEST((r.config.store.durable == sqlite_options::durability::power_loss_safe));
    BOOST_TEST((r.config.store.journal == sqlite_options::journal_mode::wal));
    BOOST_TEST(r.config.egress.empty());
    BOOST_TEST(r.config.batch_max == 256u);
}

BOOST_AUTO_TEST_CASE(every_key_arrives_where_it_belongs) {
    const reading r = read(R"(
schema_version: daemon.v1
agents: [desk.yaml, more/agents]
skill_files: [skills, ../pool.yaml]
state: /var/lib/shop
secrets: keys
ca_file: ca.pem
skills:
  text.upper: {command: [bin/upper, "{folder}/words"], sandbox: rlimits, wall_time: 3s, memory: 64MiB, output: 8KiB}
  pay.charge:
    http:
      url: "https://pay.example:8443/v1/{order}?dry={dry}"
      method: PUT
      key_header: Idempotency-Key
      headers: [{name: Authorization, value: "Bearer ", secret: pay_key}]
      timeout: 5s
      response: 1MiB
  shop.look: {http: {url: "http://127.0.0.1/x", method: GET, private_addresses: true}}
models:
  local: {base_url: "http://localhost:11434/v1", private_addresses: true, stream: true, tokens_key: max_tokens, key_prefix: ""}
  big: {api_key_secret: big_key}
store: {path: x.db, durability: process-crash-safe, journal: rollback, size_max: 1MiB}
limits: {processes: 3, memory: 1GiB, batch: 7, environment: [LC_ALL], readable: [words]}
timing: {stop_grace: 1s, heartbeat: 2s, snapshot_time: 3s, snapshot_records: 4}
)");
    for (const error& e : r.errors) BOOST_TEST_MESSAGE(to_string(e));
    BOOST_TEST_REQUIRE(r.errors.empty());
    const daemon_config& c = r.config;
    const std::vector<std::string> agents{"/srv/shop/desk.yaml", "/srv/shop/more/agents"};
    BOOST_TEST(c.agents == agents, boost::test_tools::per_element());
    BOOST_TEST(c.skill_files[1] == "/srv/pool.yaml");
    BOOST_TEST(c.state_folder == "/var/lib/shop");
    BOOST_TEST(c.secret_folder == "/srv/shop/keys");
    BOOST_TEST(c.ca_file == "/srv/shop/ca.pem");
    const subprocess_skill& upper = c.programs.at("text.upper");
    BOOST_TEST(upper.command[0] == "/srv/shop/bin/upper");
    BOOST_TEST(upper.command[1] == "/srv/shop/words");
    BOOST_TEST(upper.sandbox_profile == "rlimits");
    BOOST_TEST((upper.wall_time_max == seconds(3)));
    BOOST_TEST(upper.memory_bytes_max == 64u << 20);
    BOOST_TEST(upper.output_bytes_max == 8u << 10);
    const http_binding& charge = c.calls.at("pay.charge");
    BOOST_TEST(charge.method == "PUT");
    BOOST_TEST(charge.key_header == "Idempotency-Key");
    BOOST_TEST((charge.headers == std::vector<http_binding_header>{{"Authorization", "Bearer ", "pay_key"}}));
    BOOST_TEST((charge.timeout == seconds(5)));
    BOOST_TEST((charge.body == http_body::arguments));
    BOOST_TEST((c.calls.at("shop.look").body == http_body::none));
    BOOST_TEST(c.models.at("local").dialect.stream);
    BOOST_TEST(c.models.at("local").dialect.tokens_key == "max_tokens");
    BOOST_TEST(c.models.at("local").secret == "");
    BOOST_TEST(c.models.at("local").key_prefix == "");
    BOOST_TEST(c.models.at("big").secret == "big_key");
    BOOST_TEST(c.models.at("big").key_prefix == "Bearer ");
    BOOST_TEST(c.store.path == "x.db");
    BOOST_TEST((c.store.durable == sqlite_options::durability::process_crash_safe));
    BOOST_TEST((c.store.journal == sqlite_options::journal_mode::rollback));
    BOOST_TEST(c.store.pages_max == 256u);
    BOOST_TEST(c.processes.concurrent_max == 3u);
    BOOST_TEST(c.processes.memory_bytes_total == 1u << 30);
    BOOST_TEST(c.batch_max == 7u);
    BOOST_TEST(c.processes.environment_names.at(0) == "LC_ALL");
    BOOST_TEST(c.processes.readable.at(0) == "/srv/shop/words");
    BOOST_TEST((c.stop_grace == seconds(1)));
    BOOST_TEST((c.heartbeat == seconds(2)));
    BOOST_TEST((c.snapshot_time == seconds(3)));
    BOOST_TEST(c.snapshot_records == 4u);
}

BOOST_AUTO_TEST_CASE(only_the_hosts_that_it_names_may_be_called) {
    const reading r = read(R"(
schema_version: daemon.v1
skills:
  a.b: {http: {url: "https://API.example/{x}"}}
  c.d: {http: {url: "http://10.0.0.7:81", private_addresses: true}}
models:
  m: {base_url: "https://models.example/v1"}
)");
    BOOST_TEST_REQUIRE(r.errors.empty());
    const std::vector<egress_target> expected{
        {"api.example", 443, false}, {"10.0.0.7", 81, true}, {"models.example", 443, false}};
    BOOST_TEST((r.config.egress == expected));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_its_place) {
    const std::string head = "schema_version: daemon.v1\n";
    BOOST_TEST(first_of(read("agents: [a]\n")) == "config.missing_key aivp.yaml:1:1");
    BOOST_TEST(first_of(read("schema_version: daemon.v2\n")) == "config.value aivp.yaml:1:1");
    BOOST_TEST(first_of(read(head + "agent: [a]\n")) == "config.unknown_key aivp.yaml:2:1");
    BOOST_TEST(first_of(read(head + "agents: a\n")) == "config.type aivp.yaml:2:9");
    BOOST_TEST(first_of(read(head + "skills: {Pay: {command: [a]}}\n")) == "config.value aivp.yaml:2:10");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {command: [a], http: {url: \"http://x\"}}}\n")) ==
               "config.value aivp.yaml:2:10");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {}}\n")) == "config.value aivp.yaml:2:10");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {command: []}}\n")) == "config.value aivp.yaml:2:16");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {command: [a], memory: 12}}\n")) == "config.type aivp.yaml:2:38");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {command: [a], memory: 0MiB}}\n")) == "config.value aivp.yaml:2:38");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {http: {method: GET}}}\n")) == "config.missing_key aivp.yaml:2:22");
    BOOST_TEST(first_of(read(head + "skills: {a.b: {http: {url: \"https://{host}/x\"}}}\n")) ==
               "config.value aivp.yaml:2:28");
    BOOST_TEST(first_of(read(head + "models: {m: {base_url: \"ftp://x\"}}\n")) == "config.value aivp.yaml:2:24");
    BOOST_TEST(first_of(read(head + "store: {durability: fast}\n")) == "config.value aivp.yaml:2:21");
    BOOST_TEST(first_of(read(head + "limits: {processes: 0}\n")) == "config.range aivp.yaml:2:21");
    BOOST_TEST(first_of(read(head + "timing: {heartbeat: 1ms}\n")) == "config.range aivp.yaml:2:21");
}

BOOST_AUTO_TEST_SUITE_END()
