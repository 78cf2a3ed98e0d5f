// One mocked far side: its state is a value that a scenario seeds and that can be dumped again; its operations are pure
// functions of state, request and the present instant. Ids come from counters in the state.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

struct mock_request {
    std::string_view operation; ///< what follows the connector's name: "send" of "mail.send"
    std::string_view agent;
    payload arguments;
    instant now;
    std::string_view space = {}; ///< of key-value state; empty = the agent's own
};

class mock_service {
public:
    virtual ~mock_service() = default;
    /// The part of a skill's id before the first dot.
    virtual std::string_view name() const = 0;
    /// The operations it knows, sorted.
    virtual const std::vector<std::string>& operations() const = 0;
    /// `target` is filled in before anything can fail. Nothing changes when it fails. Errors: mock.*, io.unsafe_path,
    /// skill.unavailable (no contact was made), skill.outcome_unknown (the effect may have happened).
    virtual result<payload> perform(const mock_request& request, std::string& target) = 0;
    /// Replaces the state. `at` = pointer of `state` in its document, for messages. The state is unchanged on errors
    /// config.*.
    virtual result<void> seed(const payload& state, std::string at) = 0;
    /// seed(dump()) gives the same state.
    virtual payload dump() const = 0;
    virtual std::unique_ptr<mock_service> clone() const = 0;
};

/// The error of an operation that `service` does not know: skill.unknown_operation with those that it knows.
std::unexpected<error> unknown_operation(const mock_service& service, const mock_request& request);

/// A service by its name ("mail", "files", …) with an empty state; nullptr when there is none of that name.
std::unique_ptr<mock_service> make_mock(std::string_view name);
/// Their names, sorted.
const std::vector<std::string>& mock_names();

} // namespace aivp
