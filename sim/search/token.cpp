#include "sim/search/token.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace aivp::sim {

namespace {

constexpr char format_version = 1;
constexpr std::size_t check_bytes = 4;
constexpr std::size_t hash_bytes = 6;
constexpr std::uint64_t number_max = 1'000'000'000; ///< of ordinals and times, as in a plan's YAML
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string to_base64url(std::string_view bytes) {
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = (bits << 8) | static_cast<std::uint8_t>(c);
        for (held += 8; held >= 6; held -= 6) out += alphabet[(bits >> (held - 6)) & 63];
    }
    if (held > 0) out += alphabet[(bits << (6 - held)) & 63];
    return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>((bits >> held) & 255);
    }
    return out;
}

class byte_writer {
public:
    void number(std::uint64_t n) {
        for (; n >= 128; n >>= 7) bytes_ += static_cast<char>((n & 127) | 128);
        bytes_ += static_cast<char>(n);
    }
    void text(std::string_view t) {
        number(t.size());
        bytes_ += t;
    }
    /// A text that may have been written before: then only where.
    void repeated(const std::string& t) {
        const auto it = std::find(known_.begin(), known_.end(), t);
        number(static_cast<std::uint64_t>(it - known_.begin()));
        if (it != known_.end()) return;
        known_.push_back(t);
        text(t);
    }
    void fixed(std::uint64_t n, std::size_t bytes) {
        while (bytes-- > 0) bytes_ += static_cast<char>((n >> (8 * bytes)) & 255);
    }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
    std::vector<std::string> known_;
};

/// What it returns after the first failure means nothing; ok() says so.
class byte_reader {
public:
    explicit byte_reader(std::string_view bytes) : rest_(bytes) {}
    bool ok() const { return ok_; }
    bool at_end() const { return rest_.empty(); }

    std::uint64_t number() {
        std::uint64_t n = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const std::uint64_t b = byte();
            if (shift == 63 && b > 1) break;
            n |= (b & 127) << shift;
            if (b < 128) return n;
        }
        ok_ = false;
        return 0;
    }
    std::string text() {
        const std::uint64_t size = number();
        if (size > rest_.size()) ok_ = false;
        if (!ok_) return {};
        std::string out(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return out;
    }
    std::string repeated() {
        const std::uint64_t n = number();
        if (n < known_.size()) return known_[n];
        if (n > known_.size()) ok_ = false;
        if (!ok_) return {};
        known_.push_back(text());
        return known_.back();
    }
    std::uint64_t fixed(std::size_t bytes) {
        std::uint64_t n = 0;
        while (bytes-- > 0) n = (n << 8) | byte();
        return n;
    }

private:
    std::uint64_t byte() {
        if (rest_.empty()) {
            ok_ = false;
            return 0;
        }
        const auto b = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return b;
    }
    std::string_view rest_;
    bool ok_ = true;
    std::vector<std::string> known_;
};

void write(byte_writer& out, const fault& f) {
    out.repeated(f.site);
    out.text(info(f.kind).name);
    out.number(f.ordinal);
    const bool has_span = f.span.us != 0;
    out.number(f.severity | static_cast<unsigned>(f.times != 1) << 2 | static_cast<unsigned>(has_span) << 3 |
               static_cast<unsigned>(f.form) << 4);
    if (f.times != 1) out.number(f.times);
    if (has_span) out.number(static_cast<std::uint64_t>(f.span.us));
}

const fault_kind_info* find_kind(const std::string& site, const std::string& name) {
    const std::string_view word = std::string_view(site).substr(0, site.find('/'));
    for (std::size_t p = 0; p < fault_port_count; ++p)
        if (word == to_string(static_cast<fault_port>(p))) return find_fault_kind(static_cast<fault_port>(p), name);
    return nullptr;
}

result<fault> read_fault(byte_reader& in) {
    fault f;
    f.site = in.repeated();
    const std::string name = in.text();
    f.ordinal = in.number();
    const std::uint64_t flags = in.number();
    f.severity = static_cast<std::uint8_t>(flags & 3);
    if (flags & 4) f.times = in.number();
    const std::uint64_t span = flags & 8 ? in.number() : 0;
    if (!in.ok()) return fail(errc::repro_token, "the token ends too early");
    const fault_kind_info* k = find_kind(f.site, name);
    if (!k)
        return fail(errc::repro_token, "there is no fault `" + name + "` at `" + f.site + "` in this version", {},
                    "`aivp-sim faults` lists the kinds.");
    f.kind = k->kind;
    const bool in_range = f.ordinal >= 1 && f.ordinal <= number_max && f.severity >= 1 && f.times <= number_max &&
                          span <= static_cast<std::uint64_t>(days(366).us) && (span == 0 || !k->span.name.empty()) &&
                          flags >> 4 < std::max<std::size_t>(1, k->forms.size()) && (f.times == 1 || k->repeats);
    if (!in_range) return fail(errc::repro_token, "a fault of the token is out of its range");
    f.span = {static_cast<std::int64_t>(span)};
    f.form = static_cast<std::uint8_t>(flags >> 4);
    return f;
}

std::uint64_t hash_of(const scenario& s) { return s.hash.prefix() >> 16; }

result<repro_token> decode_bytes(std::string_view bytes) {
    if (bytes.size() < check_bytes + 1) return fail(errc::repro_token, "the token is too short");
    if (bytes.front() != format_version)
        return fail(errc::repro_token, "the token has a form that this version does not know");
    const std::string_view check = bytes.substr(1, check_bytes), body = bytes.substr(1 + check_bytes);
    if (sha256(body).view().substr(0, check_bytes) != check)
        return fail(errc::repro_token, "the token was not copied as it is: its check digits are wrong");
    byte_reader in(body);
    repro_token t;
    t.seed = in.number();
    t.text_hash = in.fixed(hash_bytes);
    t.path = in.text();
    const std::uint64_t count = in.number();
    if (!in.ok() || count > token_faults_max) return fail(errc::repro_token, "the token cannot be read");
    for (std::uint64_t i = 0; i < count; ++i) {
        AIVP_TRY(fault f, read_fault(in));
        t.plan.faults.push_back(std::move(f));
    }
    const std::string edits = in.text();
    if (!in.ok() || !in.at_end()) return fail(errc::repro_token, "the token cannot be read");
    if (edits.empty()) return t;
    auto document = payload::parse(edits);
    if (!document) return fail(errc::repro_token, "the workload in the token is no JSON");
    auto parsed = parse_workload(*document);
    if (!parsed) return fail(errc::repro_token, "the workload in the token: " + parsed.error().message);
    t.edits = std::move(*parsed);
    return t;
}

} // namespace

std::string stem_of(std::string_view path) {
    path.remove_prefix(std::min(path.rfind('/') + 1, path.size()));
    std::string out(path.substr(0, path.find('.')));
    for (char& c : out)
        if (alphabet.find(c) == std::string_view::npos) c = '_';
    return out.empty() ? "scenario" : out;
}

std::string encode(const repro_token& t) {
    byte_writer out;
    out.number(t.seed);
    out.fixed(t.text_hash, hash_bytes);
    out.text(t.path);
    out.number(t.plan.faults.size());
    for (const fault& f : t.plan.faults) write(out, f);
    out.text(t.edits.empty() ? std::string_view() : to_payload(t.edits).text());
    return seal(t.stem, out.take());
}

std::string seal(std::string_view stem, std::string_view body) {
    const digest check = sha256(body);
    std::string bytes(1, format_version);
    bytes += check.view().substr(0, check_bytes);
    bytes += body;
    return std::string(token_prefix) + std::string(stem) + ":" + to_base64url(bytes);
}

result<repro_token> decode_token(std::string_view text) {
    if (text.size() > token_bytes_max) return fail(errc::repro_token, "the token is too long");
    if (!text.starts_with(token_prefix))
        return fail(errc::repro_token, "a token begins with `" + std::string(token_prefix) + "`");
    const std::string_view rest = text.substr(token_prefix.size());
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return fail(errc::repro_token, "the token has no plan");
    const auto bytes = from_base64url(rest.substr(colon + 1));
    if (!bytes) return fail(errc::repro_token, "the token's plan has characters that no plan has");
    AIVP_TRY(repro_token t, decode_bytes(*bytes));
    t.stem = rest.substr(0, colon);
    if (t.stem != stem_of(t.path) || encode(t) != text)
        return fail(errc::repro_token, "the token is not written as aivp writes it");
    return t;
}

std::string to_token(const run_case& c) {
    const scenario& s = *c.origin();
    repro_token t{stem_of(s.file), s.file, hash_of(s), c.seed, c.plan, c.edits};
    while (t.path.starts_with("./")) t.path.erase(0, 2);
    if (t.plan.faults.size() > token_faults_max) return {};
    std::string out = encode(t);
    return out.size() > token_bytes_max ? std::string() : out;
}

result<run_case> case_of(const repro_token& t, const std::shared_ptr<const scenario>& s) {
    run_case c{s, t.seed, t.plan};
    if (t.edits.empty()) return c;
    auto edited = with_edits(c, t.edits);
    if (!edited)
        return fail(errc::repro_token, "the token's workload does not fit the scenario: " + edited.error().message,
                    {s->file, 0, 0}, "The scenario has changed since the token was made.");
    return edited;
}

bool is_older(const repro_token& t, const scenario& s) { return t.text_hash != hash_of(s); }

} // namespace aivp::sim
