#include "mocks/chat.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

std::string chat_post_json(const chat_post& p) {
    object_writer out;
    out.text("id", p.id).text("user", p.user).text("text", p.text).text("at", to_string(p.at));
    if (!p.thread.empty()) out.text("thread", p.thread);
    return out.json();
}

std::vector<std::string> chat_names(const chat_state& state) {
    std::vector<std::string> names;
    for (const auto& [name, posts] : state.channels) names.push_back(name);
    return names;
}

std::unexpected<error> chat_no_channel(const chat_state& state, std::string_view channel) {
    return fail(errc::skill_not_found, "chat: there is no channel \"" + shortened(channel, 60) + "\"; there are " +
                                           some_of(chat_names(state)));
}

} // namespace

const std::vector<std::string>& chat_mock::operations() const {
    static const std::vector<std::string> names{"channels", "history", "post"};
    return names;
}

result<payload> chat_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "post") return post(request, target);
    if (request.operation == "history") return history(request, target);
    if (request.operation != "channels") return unknown_operation(*this, request);
    field_reader in(request.arguments, field_origin::request);
    AIVP_CHECK(in.done());
    return object_writer().texts("channels", chat_names(state_)).build();
}

result<payload> chat_mock::post(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("channel");
    chat_post p;
    p.text = in.text("text");
    p.thread = in.text_or("thread", "");
    if (in.ok() && p.text.empty()) in.refuse("text", errc::config_value, "is empty");
    if (in.ok() && target.empty()) in.refuse("channel", errc::config_value, "is empty");
    AIVP_CHECK(in.done());
    auto channel = state_.channels.find(target);
    if (channel == state_.channels.end() && !state_.open) return chat_no_channel(state_, target);
    if (!p.thread.empty() &&
        (channel == state_.channels.end() ||
         std::ranges::none_of(channel->second, [&](const chat_post& other) { return other.id == p.thread; })))
        return fail(errc::skill_not_found,
                    "chat: " + target + " has no post \"" + shortened(p.thread, 60) + "\" to answer");
    if (channel == state_.channels.end()) channel = state_.channels.emplace(target, std::vector<chat_post>()).first;
    p.user = state_.user;
    p.at = request.now;
    p.id = "post-" + std::to_string(++state_.minted);
    const std::string id = p.id;
    channel->second.push_back(std::move(p));
    return object_writer().text("id", id).build();
}

result<payload> chat_mock::history(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("channel");
    const auto thread = in.maybe_text("thread");
    const auto since = in.maybe_time("since");
    const auto limit = static_cast<std::size_t>(in.integer_or("limit", 50, 1, 1000));
    AIVP_CHECK(in.done());
    const auto channel = state_.channels.find(target);
    if (channel == state_.channels.end()) return chat_no_channel(state_, target);
    std::vector<const chat_post*> found;
    for (const chat_post& p : channel->second)
        if ((!thread || p.thread == *thread || p.id == *thread) && (!since || p.at >= *since)) found.push_back(&p);
    array_writer posts;
    for (std::size_t i = found.size() > limit ? found.size() - limit : 0; i < found.size(); ++i)
        posts.raw(chat_post_json(*found[i]));
    return object_writer()
        .integer("count", static_cast<std::int64_t>(posts.size()))
        .raw("messages", posts.json())
        .build();
}

result<void> chat_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    chat_state next;
    next.user = in.text_or("user", next.user);
    next.open = in.boolean_or("open", false);
    next.minted = static_cast<std::uint64_t>(in.integer_or("minted", 0, 0, 1'000'000'000));
    std::set<std::string> ids;
    for (const auto& [channel, posts] : in.map("channels")) {
        const std::string where = in.pointer("channels") + pointer_step(channel);
        if (!posts.is_array()) {
            in.adopt({errc::config_type,
                      where + ": must be an array of posts and is " + std::string(json_kind(posts)),
                      {},
                      {},
                      {{"pointer", where}}});
            break;
        }
        auto& list = next.channels[channel];
        for (const payload& document : items(posts)) {
            field_reader one(document, field_origin::seed, where + "/" + std::to_string(list.size()));
            chat_post p;
            p.id = one.text_or("id", "post-s" + std::to_string(ids.size() + 1));
            p.user = one.text("user");
            p.text = one.text("text");
            p.thread = one.text_or("thread", "");
            p.at = one.time("at");
            if (!ids.insert(p.id).second)
                one.refuse("id", errc::config_duplicate, "two posts have the id \"" + p.id + "\"");
            if (auto read = one.done(); !read) in.adopt(read.error());
            next.minted = std::max(next.minted, minted_number(p.id, "post-"));
            list.push_back(std::move(p));
        }
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload chat_mock::dump() const {
    std::vector<std::pair<std::string, payload>> channels;
    for (const auto& [name, posts] : state_.channels) {
        array_writer list;
        for (const chat_post& p : posts) list.raw(chat_post_json(p));
        channels.emplace_back(name, payload::from_canonical(list.json()));
    }
    object_writer out;
    out.text("user", state_.user)
        .boolean("open", state_.open)
        .value("channels", payload::of_object(std::move(channels)));
    return out.integer("minted", static_cast<std::int64_t>(state_.minted)).build();
}

} // namespace aivp
