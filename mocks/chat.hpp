// Chat channels with their posts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct chat_post {
    std::string id;
    std::string user;
    std::string text;
    std::string thread; ///< id of the post that this one answers; empty = none
    instant at;
    friend bool operator==(const chat_post&, const chat_post&) = default;
};

struct chat_state {
    std::map<std::string, std::vector<chat_post>> channels; ///< posts in order of arrival
    std::string user = "agent";                             ///< under whose name is posted
    bool open = false;                                      ///< posting to an unknown channel makes it
    std::uint64_t minted = 0;                               ///< ids "post-<n>" handed out
    friend bool operator==(const chat_state&, const chat_state&) = default;
};

/// post {channel, text, thread?}; history {channel, limit?, thread?, since?}, oldest first; channels {}.
class chat_mock final : public mock_service {
public:
    std::string_view name() const override { return "chat"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"user", "open", "channels": {"#ops": [{"id","user","text","thread","at"}]}, "minted"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<chat_mock>(*this); }

    const chat_state& state() const { return state_; }

private:
    result<payload> post(const mock_request& request, std::string& target);
    result<payload> history(const mock_request& request, std::string& target) const;

    chat_state state_;
};

} // namespace aivp
