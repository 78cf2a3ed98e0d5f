#include "aivp/kernel/history.hpp"

#include <algorithm>
#include <utility>

namespace aivp {

namespace {
const digest history_start{};
} // namespace

history::node::node(std::shared_ptr<const node> p, payload m)
    : previous(std::move(p)),
      message(std::move(m)),
      chain(sha256((previous ? previous->chain : history_start).view(), message.hash().view())),
      size(previous ? previous->size + 1 : 1),
      bytes((previous ? previous->bytes : 0) + message.text().size()) {}

// A long history is a long chain of owners; letting each destructor call the next would use one stack frame a message.
history::node::~node() {
    std::shared_ptr<const node> next = std::move(previous);
    while (next && next.use_count() == 1) {
        std::shared_ptr<const node> after = std::move(next->previous);
        next = std::move(after);
    }
}

history history::appended(payload message) const {
    history h;
    h.last_ = std::make_shared<const node>(last_, std::move(message));
    return h;
}

const digest& history::chain() const { return last_ ? last_->chain : history_start; }

std::vector<payload> history::messages() const { return messages_after(0); }

std::vector<payload> history::messages_after(std::uint32_t n) const {
    std::vector<payload> out;
    if (size() <= n) return out;
    out.reserve(size() - n);
    for (const node* p = last_.get(); p && p->size > n; p = p->previous.get()) out.push_back(p->message);
    std::reverse(out.begin(), out.end());
    return out;
}

namespace {
payload text_message(std::string_view role, std::string_view text) {
    std::string json = "{\"content\":";
    append_json_string(json, text);
    json += ",\"role\":\"";
    json += role;
    json += "\"}";
    return payload::from_canonical(std::move(json));
}
} // namespace

payload system_message(std::string_view text) { return text_message("system", text); }
payload user_message(std::string_view text) { return text_message("user", text); }

payload tool_message(std::string_view call, const payload& content, bool failed) {
    std::string json;
    json.reserve(content.text().size() + call.size() + 64);
    json += "{\"call\":\"";
    json += call;
    json += "\",\"content\":";
    json += content.text();
    if (failed) json += ",\"error\":true";
    json += ",\"role\":\"tool\"}";
    return payload::from_canonical(std::move(json));
}

std::string call_name(std::uint64_t ordinal) { return "call#" + std::to_string(ordinal); }

} // namespace aivp
