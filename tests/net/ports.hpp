// What adapters to the network are tested with: a loop, a client, and ports that keep what they are told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/completion.hpp"
#include "aivp/ports/services.hpp"
#include "runtime/net/http_client.hpp"
#include "tests/net/loopback.hpp"

namespace net_test {

struct fixed_clock final : aivp::clock_port {
    aivp::duration skew;
    aivp::instant now() override { return aivp::instant{1'772'355'600'000'000} + skew; }
};

struct table_secrets final : aivp::secret_port {
    std::map<std::string, std::string, std::less<>> values;
    aivp::result<std::string> reveal(std::string_view name) override {
        if (const auto found = values.find(name); found != values.end()) return found->second;
        return aivp::fail(aivp::errc::secret_unavailable, "no secret of that name");
    }
};

struct kept_completions final : aivp::completion_sink {
    std::vector<aivp::model_completion> models;
    std::vector<aivp::skill_completion> skills;
    void model_done(aivp::model_completion c) override { models.push_back(std::move(c)); }
    void skill_done(aivp::skill_completion c) override { skills.push_back(std::move(c)); }
    void user_done(aivp::user_completion) override { BOOST_FAIL("nobody asked a user"); }
    void timer_fired(aivp::timer_key) override { BOOST_FAIL("nobody armed a timer"); }
};

inline aivp::payload json(std::string_view text) { return aivp::payload::parse(text).value(); }

struct port_fixture {
    aivp::event_loop loop;
    aivp::http_client_options options;
    table_secrets secrets;
    fixed_clock clock;
    kept_completions sink;
    std::optional<aivp::http_client> client_;

    aivp::http_client& client() {
        if (!client_) client_.emplace(loop, options);
        return *client_;
    }
    void allow(const loopback_server& server) { options.egress.allow({"127.0.0.1", server.port(), true}); }
    /// Also when the client is there already; its requests end.
    void allow_late(const loopback_server& server) {
        allow(server);
        client_.reset();
    }
};

} // namespace net_test
