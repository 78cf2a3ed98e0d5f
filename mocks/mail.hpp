// A mailbox: messages with labels, threads and folders; a small query language; sending.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct mail_attachment {
    std::string name;
    std::string handle;
    std::string media_type;
    friend bool operator==(const mail_attachment&, const mail_attachment&) = default;
};

struct mail_message {
    std::string id;
    std::string thread; ///< id of the thread's first message
    std::string folder = "inbox";
    std::string from;
    std::vector<std::string> to;
    std::vector<std::string> cc;
    std::string subject;
    std::string body;
    instant received_at;
    std::set<std::string> labels; ///< "unread" is one of them
    std::vector<mail_attachment> attachments;
    friend bool operator==(const mail_message&, const mail_message&) = default;
};

struct mail_state {
    std::string address = "me@example.test"; ///< the mailbox's owner; mail to it arrives in the inbox, unread
    std::set<std::string> undeliverable;     ///< recipients for whom sending fails
    std::vector<mail_message> messages;      ///< in order of arrival
    std::uint64_t minted = 0;                ///< ids "msg-<n>" handed out
    friend bool operator==(const mail_state&, const mail_state&) = default;
};

/// search, read, thread, send, label. A query is words that subject, sender or body must all hold (case of ASCII letters
/// ignored), "quoted phrases", and from: to: subject: label: -label: in: is:unread is:read has:attachment before: after:
/// (dates as 2026-03-01).
class mail_mock final : public mock_service {
public:
    std::string_view name() const override { return "mail"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"address", "undeliverable": […], "messages": [{"id","thread","folder","from","to","cc","subject","body",
    /// "received_at","labels","attachments":[{"name","handle","media_type"}]}], "minted"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<mail_mock>(*this); }

    const mail_state& state() const { return state_; }

private:
    result<payload> search(const mock_request& request, std::string& target) const;
    result<payload> read(const mock_request& request, std::string& target) const;
    result<payload> thread(const mock_request& request, std::string& target) const;
    result<payload> send(const mock_request& request, std::string& target);
    result<payload> label(const mock_request& request, std::string& target);
    const mail_message* find(std::string_view id) const;

    mail_state state_;
};

} // namespace aivp
