// Web resources: routes with prepared answers. Nothing is ever sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct http_answer {
    std::int64_t status = 200;
    std::string body; ///< `${hits}` is replaced by the route's number of calls so far, this one included
    std::string content_type = "application/json";
    std::optional<errc> failure; ///< no answer at all: skill.unavailable or skill.outcome_unknown
    friend bool operator==(const http_answer&, const http_answer&) = default;
};

/// What follows the last of a route's answers.
enum class http_after : std::uint8_t { repeat_last, start_again };

struct http_route {
    std::string method = "GET";       ///< GET or POST
    std::string url;                  ///< exact, or a prefix that ends with "*"
    std::string body_contains;        ///< only calls whose body holds this text; empty = all
    std::string authorization;        ///< what the call must carry, else 401; empty = nothing
    std::vector<http_answer> answers; ///< in order; never empty
    http_after after = http_after::repeat_last;
    std::uint64_t hits = 0;
    friend bool operator==(const http_route&, const http_route&) = default;
};

struct http_state {
    std::vector<http_route> routes; ///< the first that fits answers
    friend bool operator==(const http_state&, const http_state&) = default;
};

/// get {url, authorization?}, post {url, body, content_type?, authorization?} → {status, body, content_type}. A host that
/// no route names is skill.not_found; a known host answers 404.
class http_mock final : public mock_service {
public:
    std::string_view name() const override { return "http"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"routes": [{"method","url","body_contains","authorization","after": repeat_last | start_again, "hits", and either the
    /// fields of one answer or "answers": [{"status","body": text or any JSON,"content_type","fail"}]}]}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<http_mock>(*this); }

    const http_state& state() const { return state_; }

private:
    http_state state_;
};

} // namespace aivp
