// The values of agents, and what was done to them under keys.
#include <cstring>

#include "runtime/store/internal/store_impl.hpp"

namespace aivp {

namespace {

using sqlite::connection;
using sqlite::doing;
using sqlite::statement;

class values_in_store final : public kept_values {
public:
    values_in_store(connection& db, std::string_view space, seq_no seq) : db_(db), space_(space), seq_(seq) {}

    result<std::optional<kv_entry>> find(const std::string& key) override {
        AIVP_TRY(statement row, db_.prepare("SELECT value, version FROM kv WHERE namespace = ?1 AND key = ?2"));
        const int code = row.bind(1, space_).bind(2, std::string_view(key)).step();
        if (code == SQLITE_DONE) return std::nullopt;
        if (code != SQLITE_ROW) return std::unexpected(db_.failure(code, doing::reading, "read a value"));
        return kv_entry{payload::from_canonical(std::string(row.bytes(0))), row.integer(1)};
    }

    result<std::int64_t> put(const std::string& key, const payload& value) override {
        AIVP_TRY(const std::int64_t version, next_version());
        AIVP_TRY(statement insert, db_.prepare("INSERT OR REPLACE INTO kv(namespace, key, value, seq, version)"
                                               " VALUES (?1, ?2, ?3, ?4, ?5)"));
        insert.bind(1, space_).bind(2, std::string_view(key)).bind_blob(3, value.text()).bind(4, seq_.value);
        AIVP_CHECK(done(insert.bind(5, version), "keep a value"));
        return version;
    }

    result<void> erase(const std::string& key) override {
        AIVP_CHECK(next_version());
        AIVP_TRY(statement erase, db_.prepare("DELETE FROM kv WHERE namespace = ?1 AND key = ?2"));
        return done(erase.bind(1, space_).bind(2, std::string_view(key)), "forget a value");
    }

    result<std::vector<std::string>> keys(std::string_view prefix) override {
        AIVP_TRY(statement rows, db_.prepare("SELECT key FROM kv WHERE namespace = ?1 AND key >= ?2 ORDER BY key"));
        rows.bind(1, space_).bind(2, prefix);
        std::vector<std::string> found;
        int code = SQLITE_ROW;
        while ((code = rows.step()) == SQLITE_ROW && rows.bytes(0).starts_with(prefix))
            found.emplace_back(rows.bytes(0));
        if (code != SQLITE_DONE && code != SQLITE_ROW)
            return std::unexpected(db_.failure(code, doing::reading, "list the keys"));
        return found;
    }

    result<std::optional<kept_effect>> effect_of(const effect_key& key) override {
        AIVP_TRY(statement row, db_.prepare("SELECT skill, arguments, result FROM kv_effects WHERE key = ?1"));
        const int code = row.bind_blob(1, bytes_of(key)).step();
        if (code == SQLITE_DONE) return std::nullopt;
        if (code != SQLITE_ROW) return std::unexpected(db_.failure(code, doing::reading, "read what was done before"));
        kept_effect found{std::string(row.bytes(0)), {}, payload::from_canonical(std::string(row.bytes(2)))};
        const std::string_view arguments = row.bytes(1);
        if (arguments.size() == found.arguments.bytes.size())
            std::memcpy(found.arguments.bytes.data(), arguments.data(), arguments.size());
        return found;
    }

    result<void> keep_effect(const effect_key& key, run_id run, const kept_effect& effect) override {
        AIVP_TRY(statement insert, db_.prepare("INSERT INTO kv_effects(key, run, skill, arguments, result)"
                                               " VALUES (?1, ?2, ?3, ?4, ?5)"));
        insert.bind_blob(1, bytes_of(key)).bind(2, run.value).bind(3, std::string_view(effect.skill));
        insert.bind_blob(4, effect.arguments.view()).bind(5, effect.result.text());
        return done(insert, "keep what was done");
    }

private:
    static std::string_view bytes_of(const effect_key& key) {
        return {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()};
    }
    result<void> done(statement& s, std::string_view what) {
        const int code = s.run();
        if (code != SQLITE_DONE) return std::unexpected(db_.failure(code, doing::writing, what));
        return {};
    }
    result<std::int64_t> next_version() {
        AIVP_TRY(statement next, db_.prepare("UPDATE kv_revision SET revision = revision + 1 RETURNING revision"));
        const int code = next.step();
        if (code != SQLITE_ROW) return std::unexpected(db_.failure(code, doing::writing, "count a write"));
        return next.integer(0);
    }

    connection& db_;
    std::string_view space_;
    seq_no seq_;
};

} // namespace

result<void> sqlite_store::kv_change(std::string_view space, seq_no seq,
                                     const std::function<result<void>(kept_values&)>& body) {
    impl& s = *impl_;
    if (s.options.read_only)
        return fail(errc::store_read_only, "the store was opened for reading", {s.options.path, 0, 0});
    AIVP_CHECK(s.ready());
    int code = s.begin_.run();
    if (code != SQLITE_DONE) return std::unexpected(s.db.failure(code, doing::writing, "begin to keep a value"));
    result<void> done;
    if (s.current_epoch() != s.epoch) done = std::unexpected(s.fenced_error());
    if (done) {
        values_in_store values(s.db, space, seq);
        done = body(values);
    }
    if (!done) {
        if (s.db.in_transaction()) s.rollback_.run();
        s.must_reopen = s.db.in_transaction();
        return done;
    }
    code = s.commit_.run();
    if (code == SQLITE_DONE) return {};
    error why = s.db.failure(code, doing::writing, "keep a value");
    const bool harmless = (code & 0xff) == SQLITE_BUSY && s.db.in_transaction();
    if (s.db.in_transaction()) s.rollback_.run();
    if (harmless && !s.db.in_transaction()) return std::unexpected(std::move(why));
    s.must_reopen = true;
    why.code = errc::store_commit_unknown;
    return std::unexpected(std::move(why));
}

result<void> sqlite_store::kv_look(std::string_view space, const std::function<result<void>(kept_values&)>& body) {
    AIVP_CHECK(impl_->ready());
    values_in_store values(impl_->db, space, {});
    return body(values);
}

result<void> sqlite_store::kv_forget_effects(run_id before) {
    return impl_->write([&]() -> result<void> {
        AIVP_TRY(statement erase, impl_->db.prepare("DELETE FROM kv_effects WHERE run < ?1"));
        const int code = erase.bind(1, before.value).run();
        if (code != SQLITE_DONE)
            return std::unexpected(impl_->db.failure(code, doing::writing, "forget what was done"));
        return {};
    });
}

} // namespace aivp
