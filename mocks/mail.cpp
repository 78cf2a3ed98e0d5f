#include "mocks/mail.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/ascii.hpp"
#include "mocks/internal/json_out.hpp"
#include "mocks/internal/mail_query.hpp"

namespace aivp {

std::optional<mail_query::kind> mail_query::kind_of(std::string_view name, std::string_view value) {
    if (name == "from") return kind::from;
    if (name == "to") return kind::to;
    if (name == "subject") return kind::subject;
    if (name == "label") return kind::label;
    if (name == "-label") return kind::without_label;
    if (name == "in") return kind::folder;
    if (name == "before") return kind::before;
    if (name == "after") return kind::after;
    if (name == "is" && value == "unread") return kind::unread;
    if (name == "is" && value == "read") return kind::read;
    if (name == "has" && value == "attachment") return kind::attachment;
    return std::nullopt;
}

result<mail_query> mail_query::parse(std::string_view text) {
    mail_query query;
    std::size_t at = 0;
    while (true) {
        while (at < text.size() && text[at] == ' ') ++at;
        if (at >= text.size()) return query;
        std::string token;
        std::size_t colon = std::string::npos;
        for (; at < text.size() && text[at] != ' '; ++at) {
            if (text[at] == '"') {
                const std::size_t close = text.find('"', at + 1);
                if (close == std::string_view::npos)
                    return fail(errc::skill_bad_request, "query: a quote is not closed");
                token += text.substr(at + 1, close - at - 1);
                at = close;
                continue;
            }
            if (text[at] == ':' && colon == std::string::npos) colon = token.size();
            token += ascii_lower(text[at]);
        }
        term t;
        t.text = ascii_lower(token);
        if (colon != std::string::npos) {
            const std::string name = t.text.substr(0, colon);
            const std::string value = t.text.substr(colon + 1);
            if (const auto what = kind_of(name, value)) {
                t.what = *what;
                t.text = value;
            } else if (name == "is" || name == "has") {
                return fail(errc::skill_bad_request,
                            "query: \"" + shortened(token, 40) + "\" is none of is:unread, is:read, has:attachment");
            }
        }
        if (t.what == kind::before || t.what == kind::after) {
            const auto when = parse_instant(t.text.size() == 10 ? t.text + "T00:00:00Z" : t.text);
            if (!when)
                return fail(errc::skill_bad_request,
                            "query: \"" + shortened(token, 40) + "\" needs a date such as 2026-03-01");
            t.when = *when;
        }
        query.terms_.push_back(std::move(t));
    }
}

bool mail_query::fits(const term& t, const mail_message& m) {
    const auto holds = [&](std::string_view text) { return contains_ignoring_case(text, t.text); };
    const auto labelled = [&] {
        return std::ranges::any_of(m.labels, [&](const std::string& l) { return ascii_lower(l) == t.text; });
    };
    switch (t.what) {
    case kind::word: return holds(m.subject) || holds(m.body) || holds(m.from);
    case kind::from: return holds(m.from);
    case kind::to: return std::ranges::any_of(m.to, holds) || std::ranges::any_of(m.cc, holds);
    case kind::subject: return holds(m.subject);
    case kind::label: return labelled();
    case kind::without_label: return !labelled();
    case kind::folder: return ascii_lower(m.folder) == t.text;
    case kind::unread: return m.labels.contains("unread");
    case kind::read: return !m.labels.contains("unread");
    case kind::attachment: return !m.attachments.empty();
    case kind::before: return m.received_at < t.when;
    case kind::after: return m.received_at >= t.when;
    }
    return false;
}

bool mail_query::matches(const mail_message& m) const {
    return std::ranges::all_of(terms_, [&](const term& t) { return fits(t, m); });
}

namespace {

std::string mail_attachments_json(const mail_message& m) {
    array_writer list;
    for (const mail_attachment& a : m.attachments) {
        object_writer out;
        out.text("name", a.name).text("handle", a.handle);
        if (!a.media_type.empty()) out.text("media_type", a.media_type);
        list.raw(out.json());
    }
    return list.json();
}

std::string mail_summary_json(const mail_message& m) {
    object_writer out;
    out.text("id", m.id).text("from", m.from).text("subject", m.subject).text("received_at", to_string(m.received_at));
    out.texts("labels", m.labels).text("snippet", shortened(m.body, 120));
    return out.json();
}

std::string mail_full_json(const mail_message& m) {
    object_writer out;
    out.text("id", m.id).text("from", m.from).texts("to", m.to).text("subject", m.subject).text("body", m.body);
    out.text("received_at", to_string(m.received_at)).texts("labels", m.labels).text("thread", m.thread);
    if (!m.cc.empty()) out.texts("cc", m.cc);
    if (!m.attachments.empty()) out.raw("attachments", mail_attachments_json(m));
    return out.json();
}

std::string mail_state_json(const mail_message& m) {
    object_writer out;
    out.text("id", m.id).text("thread", m.thread).text("folder", m.folder).text("from", m.from).texts("to", m.to);
    out.texts("cc", m.cc).text("subject", m.subject).text("body", m.body).text("received_at", to_string(m.received_at));
    out.texts("labels", m.labels).raw("attachments", mail_attachments_json(m));
    return out.json();
}

bool mail_address(std::string_view text) {
    const std::size_t at = text.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
           text.find('@', at + 1) == std::string_view::npos && text.find(' ') == std::string_view::npos;
}

std::string mail_joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& p : parts) out += (out.empty() ? "" : ", ") + p;
    return out;
}

result<mail_message> mail_seeded(const payload& document, const std::string& at, std::size_t index) {
    field_reader in(document, field_origin::seed, at);
    mail_message m;
    m.id = in.text_or("id", "msg-s" + std::to_string(index + 1));
    m.thread = in.text_or("thread", m.id);
    m.folder = in.text_or("folder", "inbox");
    m.from = in.text("from");
    m.to = in.texts("to");
    m.cc = in.texts("cc");
    m.subject = in.text_or("subject", "");
    m.body = in.text_or("body", "");
    m.received_at = in.time("received_at");
    for (std::string& l : in.texts("labels")) m.labels.insert(std::move(l));
    std::size_t n = 0;
    for (const payload& document_of_attachment : in.list("attachments")) {
        field_reader part(document_of_attachment, field_origin::seed, in.pointer("attachments", n));
        mail_attachment a{part.text("name"), part.text_or("handle", m.id + "/" + std::to_string(n)),
                          part.text_or("media_type", "")};
        if (auto read = part.done(); !read) in.adopt(read.error());
        m.attachments.push_back(std::move(a));
        ++n;
    }
    if (m.id.empty()) in.refuse("id", errc::config_value, "is empty");
    AIVP_CHECK(in.done());
    return m;
}

} // namespace

const std::vector<std::string>& mail_mock::operations() const {
    static const std::vector<std::string> names{"label", "read", "search", "send", "thread"};
    return names;
}

result<payload> mail_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "search") return search(request, target);
    if (request.operation == "read") return read(request, target);
    if (request.operation == "send") return send(request, target);
    if (request.operation == "label") return label(request, target);
    if (request.operation == "thread") return thread(request, target);
    return unknown_operation(*this, request);
}

const mail_message* mail_mock::find(std::string_view id) const {
    const auto found = std::ranges::find(state_.messages, id, &mail_message::id);
    return found == state_.messages.end() ? nullptr : &*found;
}

namespace {
std::unexpected<error> mail_no_message(const mail_state& state, std::string_view id) {
    std::vector<std::string> ids;
    for (const mail_message& m : state.messages) ids.push_back(m.id);
    return fail(errc::skill_not_found,
                "mail: there is no message \"" + shortened(id, 60) + "\"; there are " + some_of(ids));
}
} // namespace

result<payload> mail_mock::search(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    const std::string text = in.text_or("query", "");
    const std::string folder = in.text_or("folder", "inbox");
    const auto label = in.maybe_text("label");
    const auto without = in.maybe_text("without_label");
    const auto newer_days = in.maybe_integer("newer_than_days", 1, 365);
    const std::int64_t limit = in.integer_or("limit", 50, 1, 200);
    AIVP_CHECK(in.done());
    target = folder;
    AIVP_TRY(const auto query, mail_query::parse(text));

    std::vector<const mail_message*> found;
    for (const mail_message& m : state_.messages) {
        if (folder != "*" && ascii_lower(m.folder) != ascii_lower(folder)) continue;
        if (label && !m.labels.contains(*label)) continue;
        if (without && m.labels.contains(*without)) continue;
        if (newer_days && m.received_at < request.now - days(*newer_days)) continue;
        if (query.matches(m)) found.push_back(&m);
    }
    std::ranges::stable_sort(
        found, [](const mail_message* a, const mail_message* b) { return a->received_at > b->received_at; });
    if (found.size() > static_cast<std::size_t>(limit)) found.resize(static_cast<std::size_t>(limit));
    array_writer list;
    for (const mail_message* m : found) list.raw(mail_summary_json(*m));
    return object_writer()
        .integer("count", static_cast<std::int64_t>(found.size()))
        .raw("messages", list.json())
        .build();
}

result<payload> mail_mock::read(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    const std::string id = in.text("id");
    target = id;
    AIVP_CHECK(in.done());
    const mail_message* const m = find(id);
    if (!m) return mail_no_message(state_, id);
    return payload::from_canonical(mail_full_json(*m));
}

result<payload> mail_mock::thread(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    const std::string id = in.text("id");
    target = id;
    AIVP_CHECK(in.done());
    const mail_message* const m = find(id);
    if (!m) return mail_no_message(state_, id);
    array_writer list;
    for (const mail_message& other : state_.messages)
        if (other.thread == m->thread) list.raw(mail_full_json(other));
    return object_writer()
        .integer("count", static_cast<std::int64_t>(list.size()))
        .raw("messages", list.json())
        .build();
}

result<payload> mail_mock::send(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    mail_message m;
    m.to = in.texts("to");
    m.cc = in.texts("cc");
    m.subject = in.text("subject");
    m.body = in.text("body");
    const auto answers = in.maybe_text("reply_to_id");
    target = mail_joined(m.to);
    if (m.to.empty()) in.refuse("to", errc::config_value, "names no recipient");
    std::vector<std::string> everybody = m.to;
    everybody.insert(everybody.end(), m.cc.begin(), m.cc.end());
    for (const std::string& who : everybody)
        if (!mail_address(who))
            in.refuse("to", errc::config_value, "\"" + shortened(who, 60) + "\" is no mail address");
    AIVP_CHECK(in.done());
    for (const std::string& who : everybody)
        if (state_.undeliverable.contains(who))
            return fail(errc::skill_conflict, "mail: the server refuses the recipient \"" + who + "\"");
    m.from = state_.address;
    m.folder = "sent";
    m.received_at = request.now;
    if (answers) {
        const mail_message* const before = find(*answers);
        if (!before) return mail_no_message(state_, *answers);
        m.thread = before->thread;
    }
    m.id = "msg-" + std::to_string(++state_.minted);
    if (m.thread.empty()) m.thread = m.id;
    const std::string id = m.id;
    const bool to_owner = std::ranges::find(everybody, state_.address) != everybody.end();
    state_.messages.push_back(m);
    if (to_owner) {
        m.id = "msg-" + std::to_string(++state_.minted);
        m.folder = "inbox";
        m.labels.insert("unread");
        state_.messages.push_back(std::move(m));
    }
    return object_writer().text("id", id).build();
}

result<payload> mail_mock::label(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    const auto ids = in.texts("ids");
    const auto add = in.texts("add");
    const auto remove = in.texts("remove");
    target = mail_joined(ids);
    if (ids.empty()) in.refuse("ids", errc::config_value, "names no message");
    AIVP_CHECK(in.done());
    for (const std::string& id : ids)
        if (!find(id)) return mail_no_message(state_, id);
    std::map<std::string, std::set<std::string>> before;
    for (mail_message& m : state_.messages) {
        if (std::ranges::find(ids, m.id) == ids.end()) continue;
        before.emplace(m.id, m.labels);
        m.labels.insert(add.begin(), add.end());
        for (const std::string& l : remove) m.labels.erase(l);
    }
    const auto changed =
        std::ranges::count_if(before, [&](const auto& b) { return find(b.first)->labels != b.second; });
    return object_writer().integer("changed", changed).build();
}

result<void> mail_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    mail_state next;
    next.address = in.text_or("address", next.address);
    for (std::string& who : in.texts("undeliverable")) next.undeliverable.insert(std::move(who));
    next.minted = static_cast<std::uint64_t>(in.integer_or("minted", 0, 0, 1'000'000'000));
    const auto list = in.list("messages");
    std::set<std::string> ids;
    for (std::size_t i = 0; i < list.size() && in.ok(); ++i) {
        auto m = mail_seeded(list[i], in.pointer("messages", i), i);
        if (!m) {
            in.adopt(m.error());
        } else if (!ids.insert(m->id).second) {
            in.refuse("messages", errc::config_duplicate, "two messages have the id \"" + m->id + "\"");
        } else {
            if (m->to.empty()) m->to.push_back(next.address);
            next.minted = std::max(next.minted, minted_number(m->id, "msg-"));
            next.messages.push_back(std::move(*m));
        }
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload mail_mock::dump() const {
    array_writer messages;
    for (const mail_message& m : state_.messages) messages.raw(mail_state_json(m));
    object_writer out;
    out.text("address", state_.address).texts("undeliverable", state_.undeliverable).raw("messages", messages.json());
    return out.integer("minted", static_cast<std::int64_t>(state_.minted)).build();
}

} // namespace aivp
