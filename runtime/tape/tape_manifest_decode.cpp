#include "runtime/tape/internal/tape_manifest_decode.hpp"

#include <string>
#include <utility>

#include "runtime/tape/internal/tape_scan.hpp"
#include "runtime/tape/internal/tape_words.hpp"

namespace aivp::internal {

digest tape_read_digest(tape_fields& fields, std::string_view key, tape_fault& fault) {
    const std::string text = fields.text(key);
    if (fault.set) return {};
    const auto d = parse_digest(text);
    // The line's own digest is not part of what it covers: only one spelling may pass.
    if (d && to_hex(*d) == text) return *d;
    fault.report(errc::tape_format, fields.pointer_of(key),
                 "\"" + std::string(key) + "\" must be 64 hexadecimal digits in lower case");
    return {};
}

errc tape_read_code(tape_fields& fields, std::string_view key, tape_fault& fault) {
    const std::string name = fields.text(key);
    if (fault.set) return errc::ok;
    if (const error_info* row = find_error(name)) return row->code;
    fault.report(errc::tape_format, fields.pointer_of(key), "\"" + name + "\" is no error code", false,
                 "docs/errors.md lists the codes.");
    return errc::ok;
}

tape_run_finished tape_read_finished(tape_fields& fields, tape_fault& fault) {
    tape_run_finished out;
    out.code = tape_read_code(fields, "code", fault);
    out.message = fields.text("message");
    out.status = static_cast<outcome_status>(fields.word("status", tape_status_words));
    return out;
}

namespace {

bool tape_is_absolute(std::string_view path) { return path.starts_with('/') || path.starts_with('\\'); }

class manifest_decoder {
public:
    manifest_decoder(std::string_view canonical, tape_claims& claims, tape_fault& fault)
        : canonical_(canonical), claims_(claims), fault_(fault) {}

    tape_manifest decode() {
        tape_manifest m;
        tape_fields top(canonical_, "", "the manifest", fault_);
        check_version(top);
        m.build = top.text("build");
        m.model = top.text("model");
        read_agent(top, m);
        read_claims(top);
        m.recorded_at = read_instant(top);
        if (const auto outcome = top.find("outcome")) {
            tape_fields fields(*outcome, "/outcome", "outcome", fault_);
            m.outcome = tape_read_finished(fields, fault_);
            fields.finish();
        }
        if (const auto trigger = top.find("trigger")) m.trigger = payload::from_canonical(std::string(*trigger));
        const std::string_view provenance = top.required("provenance");
        if (!provenance.starts_with('{'))
            fault_.report(errc::tape_format, "/provenance", "\"provenance\" must be an object");
        m.provenance = payload::from_canonical(std::string(provenance));
        read_redacted(top, m);
        top.finish();
        return m;
    }

private:
    void check_version(tape_fields& top) {
        const std::string format = top.text("format");
        if (fault_.set) return;
        if (format != tape_format) {
            const bool ours = format.starts_with("aivp.tape/");
            fault_.report(ours ? errc::tape_version : errc::tape_format, "/format",
                          "the format is \"" + format + "\", not \"" + std::string(tape_format) + "\"");
            return;
        }
        const std::string rules = top.text("rules");
        if (!fault_.set && rules != tape_rules)
            fault_.report(errc::tape_version, "/rules",
                          "the keys follow the rules \"" + rules + "\", not \"" + std::string(tape_rules) + "\"");
    }

    void read_agent(tape_fields& top, tape_manifest& m) {
        tape_fields fields(top.required("agent"), "/agent", "agent", fault_);
        m.agent_file = fields.text("file");
        check_path(m.agent_file, "/agent/file");
        const std::string_view folders = fields.required("skills");
        if (!folders.starts_with('[')) fault_.report(errc::tape_format, "/agent/skills", "\"skills\" must be an array");
        const auto list = tape_scan_items(folders);
        for (std::size_t i = 0; i < list.size(); ++i) {
            const std::string at = "/agent/skills/" + std::to_string(i);
            const auto folder = as_string(payload::from_canonical(std::string(list[i])));
            if (!folder) fault_.report(errc::tape_format, at, "a folder of skills must be a string");
            m.skill_folders.push_back(folder.value_or(""));
            check_path(m.skill_folders.back(), at);
        }
        fields.finish();
    }

    void check_path(const std::string& path, const std::string& at) {
        if (tape_is_absolute(path))
            fault_.report(errc::tape_format, at, "paths are relative to the tape's folder", false,
                          "Write it relative to manifest.json, for example ../skills.");
    }

    std::int64_t count(tape_fields& fields, std::string_view key) {
        const std::int64_t n = fields.integer(key);
        if (n < 0) fault_.report(errc::tape_format, fields.pointer_of(key), "a count cannot be negative");
        return n;
    }

    void read_claims(tape_fields& top) {
        tape_fields counts(top.required("counts"), "/counts", "counts", fault_);
        claims_.events = count(counts, "events");
        claims_.model_calls = count(counts, "model_calls");
        claims_.skill_calls = count(counts, "skill_calls");
        claims_.user_turns = count(counts, "user_turns");
        counts.finish();
        tape_fields digests(top.required("digests"), "/digests", "digests", fault_);
        claims_.first = tape_read_digest(digests, "first", fault_);
        claims_.last = tape_read_digest(digests, "last", fault_);
        digests.finish();
        tape_fields blobs(top.required("blobs"), "/blobs", "blobs", fault_);
        claims_.blobs = count(blobs, "count");
        claims_.blob_root = tape_read_digest(blobs, "root", fault_);
        blobs.finish();
    }

    instant read_instant(tape_fields& top) {
        const std::string text = top.text("recorded_at");
        if (fault_.set) return {};
        const auto at = parse_instant(text);
        if (at) return *at;
        fault_.report(errc::tape_format, "/recorded_at", "\"recorded_at\" is no instant: " + at.error().message);
        return {};
    }

    void read_redacted(tape_fields& top, tape_manifest& m) {
        const std::string_view text = top.required("redacted");
        if (!text.starts_with('{')) fault_.report(errc::tape_format, "/redacted", "\"redacted\" must be an object");
        tape_fields fields(text, "/redacted", "redacted", fault_);
        for (const tape_member& entry : tape_scan_members(text)) {
            const std::string kind = *as_string(payload::from_canonical("\"" + std::string(entry.key) + "\""));
            m.redacted[kind] = static_cast<std::uint64_t>(count(fields, entry.key));
        }
    }

    std::string_view canonical_;
    tape_claims& claims_;
    tape_fault& fault_;
};

} // namespace

tape_manifest decode_tape_manifest(std::string_view canonical, tape_claims& claims, tape_fault& fault) {
    return manifest_decoder(canonical, claims, fault).decode();
}

} // namespace aivp::internal
