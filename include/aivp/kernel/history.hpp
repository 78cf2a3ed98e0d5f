// The conversation that a model sees, as a persistent list: appending shares everything before it, so a run of n turns
// costs O(n) memory, a fork costs one pointer, and the chain digest of every prefix is known without rehashing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/hash.hpp"
#include "aivp/base/payload.hpp"

namespace aivp {

/// Provider-neutral messages, canonical JSON objects:
///   {"content":"…","role":"system"|"user"}
///   {"calls":[{"args":{…},"id":"call#0","name":"add"}],"content":"…","role":"assistant"}   (either part may be absent)
///   {"call":"call#0","content":…,"error":true,"role":"tool"}                                (error only when it failed)
/// Call ids are minted by the engine in order of first appearance in the run ("call#0", "call#1", …); a provider's own
/// ids never enter the history. Absent content and null content are the same.
class history {
public:
    history() = default;

    [[nodiscard]] history appended(payload message) const;
    [[nodiscard]] bool empty() const { return last_ == nullptr; }
    [[nodiscard]] std::uint32_t size() const { return last_ ? last_->size : 0; }
    /// Sum of the canonical sizes of all messages.
    [[nodiscard]] std::uint64_t bytes() const { return last_ ? last_->bytes : 0; }
    /// c_n = SHA-256(c_{n-1} || SHA-256(m_n)), c_0 = 32 zero bytes.
    [[nodiscard]] const digest& chain() const;
    /// All messages, oldest first. O(n).
    [[nodiscard]] std::vector<payload> messages() const;
    /// The messages after the first `n`, oldest first. O(size() - n).
    [[nodiscard]] std::vector<payload> messages_after(std::uint32_t n) const;

    friend bool operator==(const history& a, const history& b) {
        return a.last_ == b.last_ || (a.size() == b.size() && a.chain() == b.chain());
    }

private:
    struct node {
        node(std::shared_ptr<const node> p, payload m);
        ~node();
        node(const node&) = delete;
        node& operator=(const node&) = delete;
        mutable std::shared_ptr<const node> previous; // taken apart iteratively by the destructor
        payload message;
        digest chain;
        std::uint32_t size;
        std::uint64_t bytes;
    };
    std::shared_ptr<const node> last_;
};

payload system_message(std::string_view text);
payload user_message(std::string_view text);
/// `call` = "call#3".
payload tool_message(std::string_view call, const payload& content, bool failed);
/// "call#3" for 3.
std::string call_name(std::uint64_t ordinal);

} // namespace aivp
