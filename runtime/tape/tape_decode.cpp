#include "runtime/tape/internal/tape_decode.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "aivp/tape/files.hpp"
#include "runtime/tape/internal/tape_fields.hpp"
#include "runtime/tape/internal/tape_manifest_decode.hpp"
#include "runtime/tape/internal/tape_scan.hpp"
#include "runtime/tape/internal/tape_words.hpp"

namespace aivp::internal {

namespace {

constexpr std::size_t tape_problems_max = 32;

error tape_error_of(const tape_fault& fault, const std::string& file, std::string_view text, std::uint32_t first_line) {
    const std::size_t offset = fault.at_key ? tape_locate_key(text, fault.pointer) : tape_locate(text, fault.pointer);
    error e{fault.code, fault.message, tape_position(file, text, offset, first_line), fault.help, {}};
    if (!fault.pointer.empty()) e.context.emplace_back("pointer", fault.pointer);
    return e;
}

error tape_error_of(const error& json, const std::string& file, std::uint32_t first_line) {
    error e{errc::tape_format, json.message, json.where, json.help, {}};
    e.where.file = file;
    e.where.line = first_line + (json.where.line > 0 ? json.where.line - 1 : 0);
    if (e.where.column == 0) e.where.column = 1;
    e.context.emplace_back("cause", std::string(info(json.code).name));
    return e;
}

class tape_decoder {
public:
    tape_decoder(const tape_blob_source& blobs, const std::string& folder)
        : blob_source_(blobs),
          manifest_file_(folder + "/manifest.json"),
          events_file_(folder + "/events.jsonl"),
          folder_(folder) {}

    result<tape> decode(std::string_view manifest, std::string_view events) {
        AIVP_CHECK(decode_manifest(manifest));
        std::uint32_t line_number = 0;
        for (std::size_t at = 0; at < events.size();) {
            const std::size_t stop = events.find('\n', at);
            const bool last = stop == std::string_view::npos;
            const std::string_view line = events.substr(at, last ? std::string_view::npos : stop - at);
            AIVP_TRY(const bool going, decode_line(line, ++line_number, last));
            if (!going) break;
            at = last ? events.size() : stop + 1;
        }
        compare_with_manifest(manifest);
        return std::move(tape_);
    }

private:
    struct lane_call {
        std::string key; ///< as written; a label only
        history messages;
    };

    result<void> decode_manifest(std::string_view text) {
        const auto document = payload::parse(text);
        if (!document) return std::unexpected(tape_error_of(document.error(), manifest_file_, 1));
        tape_fault fault;
        tape_.manifest = decode_tape_manifest(document->text(), claims_, fault);
        if (fault.set) return std::unexpected(tape_error_of(fault, manifest_file_, text, 1));
        return {};
    }

    // false: the tape ends here, torn.
    result<bool> decode_line(std::string_view raw, std::uint32_t line_number, bool last) {
        const auto line = payload::parse(raw);
        if (!line) {
            error e = tape_error_of(line.error(), events_file_, line_number);
            if (!last) return std::unexpected(std::move(e));
            e.code = errc::tape_torn;
            e.message = "the last line is cut off: " + e.message;
            problem(std::move(e));
            torn_ = true;
            return false;
        }
        tape_fault fault;
        tape_event event = decode_event(line->text(), fault, raw, line_number);
        if (fault.set) return std::unexpected(tape_error_of(fault, events_file_, raw, line_number));
        tape_.events.push_back(std::move(event));
        return true;
    }

    tape_event decode_event(std::string_view text, tape_fault& fault, std::string_view raw, std::uint32_t line_number) {
        tape_event event;
        tape_fields top(text, "", "an event", fault);
        event.at.us = top.integer("at");
        event.lane = top.text("lane");
        event.seq.value = static_cast<std::uint64_t>(top.integer("seq"));
        event.chain = tape_read_digest(top, "digest", fault);
        const std::string source = top.text("source");
        const std::string_view body = top.required("body");
        top.finish();
        if (fault.set) return event;
        check_chain(event, text, raw, line_number);
        decode_body(event, body, fault);
        if (!fault.set && source != tape_source_of(event.kind()))
            fault.report(errc::tape_format, "/source",
                         "the source of a " + std::string(to_string(event.kind())) + " is \"" +
                             std::string(tape_source_of(event.kind())) + "\", not \"" + source + "\"");
        blob_problems_to(line_number);
        return event;
    }

    // The digest on the tape goes on being the predecessor, so that every edited event is found, not only the first.
    void check_chain(const tape_event& event, std::string_view text, std::string_view raw, std::uint32_t line_number) {
        const std::uint64_t expected_seq = tape_.events.size() + 1;
        const std::size_t at = text.find(",\"digest\":\"", member_end(text, "body"));
        constexpr std::size_t member_bytes = sizeof(",\"digest\":\"") - 1 + 64 + 1;
        std::string without(text.substr(0, at));
        without += text.substr(at + member_bytes);
        const digest computed = sha256(previous_.view(), without);
        previous_ = event.chain;
        if (computed == event.chain && event.seq.value == expected_seq) return;
        edited_ = true;
        error e{errc::tape_chain,
                "event " + std::to_string(event.seq.value) + " was edited, or one before it is missing",
                tape_position(events_file_, raw, tape_locate(raw, "/digest"), line_number),
                {},
                {{"seq", std::to_string(event.seq.value)},
                 {"recorded", to_hex(event.chain)},
                 {"computed", to_hex(computed)}}};
        problem(std::move(e));
    }

    static std::size_t member_end(std::string_view text, std::string_view key) {
        const std::optional<std::string_view> value = member_text(text, key);
        return value ? static_cast<std::size_t>(value->data() - text.data()) + value->size() : 0;
    }

    void decode_body(tape_event& event, std::string_view body, tape_fault& fault) {
        tape_fields fields(body, "/body", "the body", fault);
        const auto kind = static_cast<tape_kind>(fields.word("kind", tape_kind_words));
        if (fault.set) return;
        switch (kind) {
        case tape_kind::run_started: event.body = decode_started(fields, fault); break;
        case tape_kind::model_call: event.body = decode_model(fields, event.lane, fault); break;
        case tape_kind::skill_call: event.body = decode_skill(fields, fault); break;
        case tape_kind::user_turn: event.body = decode_user(fields, fault); break;
        case tape_kind::engine_refusal: event.body = decode_refusal(fields, fault); break;
        case tape_kind::run_finished: event.body = tape_read_finished(fields, fault); break;
        }
        fields.finish();
    }

    tape_run_started decode_started(tape_fields& fields, tape_fault& fault) {
        tape_run_started b;
        b.agent = fields.text("agent");
        b.trigger = value_or_null(fields, "trigger", fault);
        return b;
    }

    tape_model_call decode_model(tape_fields& fields, const std::string& lane, tape_fault& fault) {
        tape_model_call b;
        const std::string key = fields.text("key");
        const std::string_view parent = fields.required("parent");
        tape_fields req(fields.required("req"), "/body/req", "a model_call's req", fault);
        b.model = req.text("model");
        b.params = value(req, "params", fault);
        read_tools(req, b, fault);
        if (fault.set) return b;
        b.messages = parent_messages(parent, lane, fault);
        append_messages(req, b.messages, fault);
        req.finish();
        tape_fields res(fields.required("res"), "/body/res", "a model_call's res", fault);
        read_ending(res, b.ending, fault);
        read_response(res, b, fault);
        res.finish();
        if (!fault.set) lanes_[lane].push_back({key, b.messages});
        return b;
    }

    void read_tools(tape_fields& req, tape_model_call& b, tape_fault& fault) {
        const std::string_view text = req.required("tools");
        if (!text.starts_with('"')) {
            b.tools = stored(text, "/body/req/tools", fault);
            b.tools_hash = b.tools->hash();
            tools_[b.tools_hash] = *b.tools;
            return;
        }
        const auto name = parse_reference(text.substr(1, text.size() - 2));
        if (!name)
            return fault.report(errc::tape_format, "/body/req/tools",
                                "a hash is written \"sha256:\" and 64 hexadecimal digits");
        b.tools_hash = *name;
        const auto known = tools_.find(*name);
        if (known != tools_.end()) b.tools = known->second;
    }

    history parent_messages(std::string_view parent, const std::string& lane, tape_fault& fault) {
        const auto before = lanes_.find(lane);
        if (parent == "null") return {};
        if (before != lanes_.end() && parent.size() > 2) {
            const std::string_view label = parent.substr(1, parent.size() - 2);
            for (auto call = before->second.rbegin(); call != before->second.rend(); ++call)
                if (call->key == label) return call->messages;
            if (edited_) return before->second.back().messages;
        }
        fault.report(errc::tape_format, "/body/parent", "no earlier model_call of this lane has this key", false,
                     "\"parent\" is the \"key\" of the model_call that this one continues, or null.");
        return {};
    }

    void append_messages(tape_fields& req, history& messages, tape_fault& fault) {
        const std::string_view list = req.required("append");
        if (!list.starts_with('['))
            fault.report(errc::tape_format, "/body/req/append", "\"append\" must be an array of messages");
        std::size_t index = 0;
        for (const std::string_view text : tape_scan_items(list)) {
            const std::string at = "/body/req/append/" + std::to_string(index++);
            if (!text.starts_with('{')) fault.report(errc::tape_format, at, "a message must be an object");
            if (fault.set) return;
            messages = messages.appended(message(text, at, fault));
        }
    }

    payload message(std::string_view text, const std::string& at, tape_fault& fault) {
        if (text.find("$blob\":") == std::string_view::npos) return payload::from_canonical(std::string(text));
        return payload::from_canonical(
            rewritten(text, at, fault, [&](std::string& out, const tape_member& m, const std::string& here) {
                if (m.key == "content")
                    out += stored(m.value, here, fault).text();
                else if (m.key == "calls" && m.value.starts_with('['))
                    append_calls(out, m.value, here, fault);
                else
                    out += m.value;
            }));
    }

    void append_calls(std::string& out, std::string_view calls, const std::string& at, tape_fault& fault) {
        out += '[';
        std::size_t index = 0;
        for (const std::string_view call : tape_scan_items(calls)) {
            if (index > 0) out += ',';
            const std::string here = at + "/" + std::to_string(index++);
            if (!call.starts_with('{')) {
                out += call;
                continue;
            }
            out +=
                rewritten(call, here, fault, [&](std::string& inner, const tape_member& m, const std::string& below) {
                    if (m.key == "args")
                        inner += stored(m.value, below, fault).text();
                    else
                        inner += m.value;
                });
        }
        out += ']';
    }

    template <class Append>
    static std::string rewritten(std::string_view object, const std::string& at, tape_fault&, Append append) {
        std::string out = "{";
        for (const tape_member& m : tape_scan_members(object)) {
            if (out.size() > 1) out += ',';
            out.append(1, '"').append(m.key).append("\":");
            append(out, m, at + "/" + std::string(m.key));
        }
        return out += '}';
    }

    void read_ending(tape_fields& res, tape_ending& e, tape_fault& fault) {
        e.answered = res.flag_or("answered", true);
        if (res.find("code")) e.code = tape_read_code(res, "code", fault);
        e.message = res.text_or("message", "");
        e.outcome = static_cast<effect_outcome>(res.word("outcome", tape_outcome_words));
        e.latency = read_latency(res, fault);
        if (fault.set) return;
        if (e.outcome != effect_outcome::ok && e.code == errc::ok)
            fault.report(errc::tape_format, "/body/res/outcome", "an outcome other than \"ok\" needs a \"code\"");
        if (!e.answered && e.outcome != effect_outcome::unknown)
            fault.report(errc::tape_format, "/body/res/answered",
                         "the outcome of a call that was not answered is \"unknown\"");
    }

    static duration read_latency(tape_fields& res, tape_fault& fault) {
        const std::int64_t us = res.integer("latency_us");
        if (us < 0) fault.report(errc::tape_format, res.pointer_of("latency_us"), "a latency cannot be negative");
        return {us};
    }

    void read_response(tape_fields& res, tape_model_call& b, tape_fault& fault) {
        b.response.content = value_or_null(res, "content", fault);
        if (!b.response.content.is_null() && !b.response.content.is_string())
            fault.report(errc::tape_format, "/body/res/content", "a model's content must be a string");
        b.response.finish = res.text_or("finish", "stop");
        if (const auto usage = res.find("usage")) {
            tape_fields counts(*usage, "/body/res/usage", "usage", fault);
            b.response.usage = {counts.integer("in"), counts.integer("out"), counts.integer("cached"), true};
            counts.finish();
        }
        const auto calls = res.find("calls");
        if (!calls) return;
        if (!calls->starts_with('[')) fault.report(errc::tape_format, "/body/res/calls", "\"calls\" must be an array");
        std::size_t index = 0;
        for (const std::string_view text : tape_scan_items(*calls)) {
            tape_fields call(text, "/body/res/calls/" + std::to_string(index++), "a call", fault);
            proposed_call p;
            p.name = call.text("name");
            p.arguments = value(call, "args", fault);
            call.finish();
            b.response.calls.push_back(std::move(p));
        }
    }

    tape_skill_call decode_skill(tape_fields& fields, tape_fault& fault) {
        tape_skill_call b;
        fields.text("key");
        tape_fields req(fields.required("req"), "/body/req", "a skill_call's req", fault);
        b.skill = req.text("skill");
        b.version = req.text("version");
        b.as = req.text("as");
        b.effect = static_cast<effect_class>(req.word("effect", tape_effect_words));
        b.arguments = value(req, "args", fault);
        req.finish();
        tape_fields res(fields.required("res"), "/body/res", "a skill_call's res", fault);
        read_ending(res, b.ending, fault);
        b.result = value_or_null(res, "result", fault);
        res.finish();
        return b;
    }

    tape_user_turn decode_user(tape_fields& fields, tape_fault& fault) {
        tape_user_turn b;
        fields.text("key");
        tape_fields req(fields.required("req"), "/body/req", "a user_turn's req", fault);
        b.text = value(req, "text", fault);
        req.finish();
        tape_fields res(fields.required("res"), "/body/res", "a user_turn's res", fault);
        b.ending.answered = res.flag_or("answered", true);
        if (!b.ending.answered) b.ending.outcome = effect_outcome::unknown;
        b.ended = res.flag_or("ended", false);
        b.ending.latency = read_latency(res, fault);
        b.message = value_or_null(res, "message", fault);
        if (!b.message.is_null() && !b.message.is_string())
            fault.report(errc::tape_format, "/body/res/message", "a user's message must be a string");
        res.finish();
        return b;
    }

    tape_engine_refusal decode_refusal(tape_fields& fields, tape_fault& fault) {
        tape_engine_refusal b;
        b.as = fields.text("as");
        b.code = tape_read_code(fields, "code", fault);
        b.decided_by = fields.text("decided_by");
        b.message = fields.text("message");
        return b;
    }

    payload value(tape_fields& fields, std::string_view key, tape_fault& fault) {
        return stored(fields.required(key), fields.pointer_of(key), fault);
    }

    payload value_or_null(tape_fields& fields, std::string_view key, tape_fault& fault) {
        const auto text = fields.find(key);
        return text ? stored(*text, fields.pointer_of(key), fault) : payload();
    }

    static std::optional<digest> parse_reference(std::string_view text) {
        if (!text.starts_with(tape_hash_prefix)) return std::nullopt;
        const auto d = parse_digest(text.substr(tape_hash_prefix.size()));
        return d ? std::optional(*d) : std::nullopt;
    }

    // A value as stored: a reference to a blob, an escaped look-alike, or the value itself.
    payload stored(std::string_view text, const std::string& at, tape_fault& fault) {
        if (fault.set) return {};
        const std::size_t word = text.starts_with("{\"$") ? text.find_first_not_of('$', 2) : std::string_view::npos;
        if (word == std::string_view::npos || !text.substr(word).starts_with("blob\":") ||
            tape_scan_members(text).size() != 1)
            return payload::from_canonical(std::string(text));
        if (word > 3) return payload::from_canonical("{\"" + std::string(text.substr(3)));
        const std::string_view reference = tape_scan_members(text).front().value;
        const auto name =
            reference.starts_with('"') ? parse_reference(reference.substr(1, reference.size() - 2)) : std::nullopt;
        if (!name) {
            fault.report(errc::tape_format, at + "/$blob", "a blob is named \"sha256:\" and 64 hexadecimal digits");
            return {};
        }
        return blob(*name, at, fault);
    }

    payload blob(const digest& name, const std::string& at, tape_fault& fault) {
        const auto known = blobs_.find(name);
        if (known != blobs_.end()) return known->second;
        const std::string path = tape_blob_path(name);
        const auto bytes = blob_source_(name);
        if (!bytes) {
            fault.report(errc::tape_blob, at, "the blob " + path + " cannot be read: " + bytes.error().message, false,
                         bytes.error().help);
            return {};
        }
        const auto content = payload::parse(*bytes);
        if (!content) {
            fault.report(errc::tape_blob, at, "the blob " + path + " is no JSON: " + content.error().message);
            return {};
        }
        if (content->hash() != name) edited_blobs_.push_back(path);
        blobs_.emplace(name, *content);
        return *content;
    }

    void blob_problems_to(std::uint32_t line_number) {
        for (const std::string& path : edited_blobs_) {
            edited_ = true;
            problem({errc::tape_blob,
                     "the content of " + path + " is not what its name says: it was edited",
                     {folder_ + "/" + path, 1, 1},
                     {},
                     {{"used_by_line", std::to_string(line_number)}}});
        }
        edited_blobs_.clear();
    }

    void problem(error e) {
        if (tape_.problems.size() < tape_problems_max) tape_.problems.push_back(std::move(e));
    }

    // Only for tapes that look whole: what is torn or edited differs from the manifest anyway.
    void compare_with_manifest(std::string_view manifest) {
        if (torn_ || !tape_.problems.empty()) return;
        std::int64_t kinds[6] = {};
        for (const tape_event& e : tape_.events) ++kinds[e.body.index()];
        const auto kind = [&](tape_kind k) { return kinds[static_cast<std::size_t>(k)]; };
        std::vector<digest> names;
        for (const auto& [name, content] : blobs_) names.push_back(name);
        const digest first = tape_.events.empty() ? digest{} : tape_.events.front().chain;
        const digest last = tape_.events.empty() ? digest{} : tape_.events.back().chain;
        const auto differs = [&](bool same, std::string_view pointer, std::string_view what) {
            if (same || !tape_.problems.empty()) return;
            problem({errc::tape_chain,
                     "the manifest and the events disagree about " + std::string(what),
                     tape_position(manifest_file_, manifest, tape_locate(manifest, pointer), 1),
                     {},
                     {}});
        };
        differs(claims_.events == static_cast<std::int64_t>(tape_.events.size()), "/counts/events",
                "the number of events");
        differs(claims_.model_calls == kind(tape_kind::model_call), "/counts/model_calls", "the number of model calls");
        differs(claims_.skill_calls == kind(tape_kind::skill_call), "/counts/skill_calls", "the number of skill calls");
        differs(claims_.user_turns == kind(tape_kind::user_turn), "/counts/user_turns", "the number of user turns");
        differs(claims_.first == first, "/digests/first", "the first digest");
        differs(claims_.last == last, "/digests/last", "the last digest");
        differs(claims_.blobs == static_cast<std::int64_t>(names.size()), "/blobs/count", "the number of blobs");
        differs(claims_.blob_root == tape_blob_root(names), "/blobs/root", "the blobs");
    }

    const tape_blob_source& blob_source_;
    std::string manifest_file_;
    std::string events_file_;
    std::string folder_;
    tape tape_;
    tape_claims claims_;
    digest previous_;
    bool torn_ = false;
    bool edited_ = false;
    std::map<std::string, std::vector<lane_call>> lanes_;
    std::map<digest, payload> tools_;
    std::map<digest, payload> blobs_;
    std::vector<std::string> edited_blobs_;
};

} // namespace

std::string tape_blob_path(const digest& name) {
    const std::string hex = to_hex(name);
    return "blobs/" + hex.substr(0, 2) + "/" + hex;
}

result<tape> decode_tape(std::string_view manifest, std::string_view events, const tape_blob_source& blobs,
                         const std::string& folder) {
    return tape_decoder(blobs, folder).decode(manifest, events);
}

} // namespace aivp::internal

namespace aivp {

result<tape> tape_from_text(const tape_text& text, const std::string& folder) {
    const internal::tape_blob_source blobs = [&text](const digest& name) -> result<std::string> {
        const auto found = std::lower_bound(text.blobs.begin(), text.blobs.end(), name,
                                            [](const auto& blob, const digest& wanted) { return blob.first < wanted; });
        if (found == text.blobs.end() || found->first != name) return fail(errc::tape_blob, "it is missing");
        return std::string(found->second.text());
    };
    return internal::decode_tape(text.manifest, text.events, blobs, folder);
}

} // namespace aivp
