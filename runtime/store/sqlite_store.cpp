#include "runtime/store/sqlite_store.hpp"

#include <array>
#include <cstring>

#include "aivp/base/payload.hpp"
#include "aivp/base/probe.hpp"
#include "runtime/store/internal/projection_schema.hpp"
#include "runtime/store/internal/store_file.hpp"
#include "runtime/store/internal/store_impl.hpp"

namespace aivp {

namespace {

using sqlite::connection;
using sqlite::doing;
using sqlite::statement;

/// SQLite keeps a WAL frame's header of 24 bytes before each page, and one of 32 before all.
constexpr std::uint64_t wal_bytes_of(std::uint64_t pages) {
    return pages == 0 ? 0 : 32 + pages * (24 + static_cast<std::uint64_t>(sqlite::page_bytes));
}

std::optional<digest> digest_of(std::string_view bytes) {
    digest d;
    if (bytes.size() != d.bytes.size()) return std::nullopt;
    std::memcpy(d.bytes.data(), bytes.data(), bytes.size());
    return d;
}

std::unexpected<error> broken_record(const connection& db, std::uint64_t seq, const std::string& how) {
    return fail(errc::store_corrupt, "record " + std::to_string(seq) + " " + how, {db.path(), 0, 0});
}

/// The number behind "correlation" of a line, which stands before the events: no need to look further.
std::optional<std::int64_t> correlation_of(std::string_view line) {
    static constexpr std::string_view key = "\"correlation\":";
    const std::size_t at = line.substr(0, 96).find(key);
    if (at == std::string_view::npos || line.substr(0, at).find('[') != std::string_view::npos) return std::nullopt;
    std::int64_t value = 0;
    for (std::size_t i = at + key.size(); i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i)
        value = value * 10 + (line[i] - '0');
    return value;
}

} // namespace

database_bytes::database_bytes(unsigned char* copy, std::size_t size) : copy_(copy, &sqlite3_free), size_(size) {}

// ---- opening and closing -----------------------------------------------------------------------------------------------

int sqlite_store::impl::note_wal_size(void* self, sqlite3*, const char*, int pages) {
    static_cast<impl*>(self)->wal_pages = static_cast<std::uint64_t>(pages);
    return SQLITE_OK;
}

result<void> sqlite_store::impl::prepare() {
    sqlite3_wal_hook(db.get(), &impl::note_wal_size, this);
    AIVP_TRY(begin_, db.prepare("BEGIN IMMEDIATE"));
    AIVP_TRY(commit_, db.prepare("COMMIT"));
    AIVP_TRY(rollback_, db.prepare("ROLLBACK"));
    AIVP_TRY(owner_, db.prepare("SELECT epoch FROM writer WHERE id = 1"));
    AIVP_TRY(append_, db.prepare("INSERT INTO journal(seq, at, run, line, chain) VALUES (?1, ?2, ?3, ?4, ?5)"));
    return {};
}

/// Pushing aside whoever writes is what opening is for; re-opening must not do it. The token tells whether the last one to
/// take over was this very store, even when it never learned that it had succeeded.
result<void> sqlite_store::impl::take_over() {
    return sqlite::transaction(db, [&]() -> result<void> {
        AIVP_TRY(statement holder, db.prepare("SELECT token FROM writer WHERE id = 1"));
        int code = holder.step();
        if (code != SQLITE_ROW) return std::unexpected(db.failure(code, doing::reading, "read who writes"));
        if (epoch != 0 && holder.bytes(0) != token && holder.bytes(0) != token_tried)
            return std::unexpected(fenced_error());
        holder.reset();
        if (token_tried.empty()) {
            token_tried.resize(16);
            sqlite3_randomness(static_cast<int>(token_tried.size()), token_tried.data());
        }
        AIVP_TRY(statement update, db.prepare("UPDATE writer SET epoch = epoch + 1, holder = ?1, pid = ?2,"
                                              " heartbeat_at = ?3, token = ?4 WHERE id = 1"));
        update.bind(1, std::string_view(options.writer)).bind(2, options.pid).bind(3, options.opened_at.us);
        code = update.bind_blob(4, token_tried).run();
        if (code != SQLITE_DONE) return std::unexpected(db.failure(code, doing::writing, "become the writer"));
        epoch_taken = current_epoch();
        return {};
    });
}

result<void> sqlite_store::impl::connect() {
    must_reopen = true;
    for (statement* s : {&begin_, &commit_, &rollback_, &owner_, &append_}) *s = statement();
    db = connection();
    wal_pages = 0;
    AIVP_TRY(db, sqlite::open_store_file(options));
    AIVP_CHECK(prepare());
    if (!options.read_only) {
        AIVP_CHECK(take_over());
        epoch = epoch_taken;
        token = std::exchange(token_tried, {});
    }
    AIVP_TRY(const journal_record found, read_head());
    head_seq = found.seq;
    head_at = found.at;
    must_reopen = false;
    return {};
}

result<void> sqlite_store::impl::ready() {
    if (must_reopen) AIVP_CHECK(connect());
    return {};
}

std::uint64_t sqlite_store::impl::current_epoch() {
    std::uint64_t found = 0;
    if (owner_.step() == SQLITE_ROW) found = static_cast<std::uint64_t>(owner_.integer(0));
    owner_.reset();
    return found;
}

error sqlite_store::impl::fenced_error() const {
    return {
        errc::store_fenced, "another writer has opened the store", {options.path, 0, 0}, {}, {{"path", options.path}}};
}

sqlite_store::sqlite_store(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
sqlite_store::~sqlite_store() = default;

result<std::unique_ptr<sqlite_store>> sqlite_store::open(sqlite_options options) {
    auto made = std::make_unique<impl>();
    made->options = std::move(options);
    AIVP_CHECK(made->connect());
    return std::unique_ptr<sqlite_store>(new sqlite_store(std::move(made)));
}

result<void> sqlite_store::reopen() { return impl_->connect(); }
const std::optional<error>& sqlite_store::last_error() const { return impl_->last; }
std::uint64_t sqlite_store::epoch() const { return impl_->epoch; }

// ---- the journal -------------------------------------------------------------------------------------------------------

/// What can be told without touching the file.
std::optional<error> sqlite_store::impl::refusal(std::span<const journal_record> batch) const {
    const auto refused = [&](errc code, std::string why) {
        return error{code, std::move(why), {options.path, 0, 0}, {}, {{"path", options.path}}};
    };
    if (options.read_only) return refused(errc::store_read_only, "the store was opened for reading");
    if (must_reopen || must_read)
        return refused(errc::store_commit_unknown,
                       "the last commit may be in the journal: read it before the next one");
    if (batch.empty()) return refused(errc::store_commit_failed, "a batch without records");
    std::uint64_t last_seq = head_seq.value;
    instant at = head_at;
    for (const journal_record& record : batch) {
        if (record.seq.value != last_seq + 1)
            return refused(errc::store_commit_failed, "record " + std::to_string(record.seq.value) +
                                                          " does not follow record " + std::to_string(last_seq));
        if (record.at < at)
            return refused(errc::store_commit_failed,
                           "record " + std::to_string(record.seq.value) + " is earlier than the one before it");
        last_seq = record.seq.value;
        at = record.at;
    }
    return std::nullopt;
}

int sqlite_store::impl::append(const journal_record& record) {
    append_.bind(1, record.seq.value).bind(2, record.at.us).bind(4, record.line).bind_blob(5, record.chain.view());
    if (const auto run = correlation_of(record.line))
        append_.bind(3, *run);
    else
        append_.bind_null(3);
    return append_.run();
}

/// Before COMMIT: nothing can have been committed, and a rollback leaves everything as it was.
commit_outcome sqlite_store::impl::give_up(error why) {
    last = std::move(why);
    if (!db.in_transaction()) return commit_outcome::failed;
    if (rollback_.run() == SQLITE_DONE && !db.in_transaction()) return commit_outcome::failed;
    must_reopen = must_read = true;
    return commit_outcome::unknown;
}

/// COMMIT said no. Only a lock that was not to be had is harmless: then the transaction is still open and was not begun
/// to be written.
commit_outcome sqlite_store::impl::give_up_commit(int code) {
    error why = db.failure(code, doing::writing, "commit");
    if ((code & 0xff) == SQLITE_BUSY && db.in_transaction()) return give_up(std::move(why));
    if (db.in_transaction()) rollback_.run();
    AIVP_REACHABLE("store: a commit ends without an answer");
    must_reopen = must_read = true;
    last = std::move(why);
    return commit_outcome::unknown;
}

commit_outcome sqlite_store::impl::commit(std::span<const journal_record> batch) {
    if (auto why = refusal(batch)) {
        last = std::move(why);
        return commit_outcome::failed;
    }
    int code = begin_.run();
    if (code != SQLITE_DONE) return give_up(db.failure(code, doing::writing, "begin a commit"));
    // Inside the transaction nobody else can become the writer any more.
    const bool fenced = current_epoch() != epoch;
    AIVP_SOMETIMES(fenced, "store: a fenced writer is refused");
    if (fenced) return give_up(fenced_error());
    for (const journal_record& record : batch) {
        code = append(record);
        if (code != SQLITE_DONE) return give_up(db.failure(code, doing::writing, "append to the journal"));
    }
    code = commit_.run();
    if (code != SQLITE_DONE) return give_up_commit(code);
    head_seq = batch.back().seq;
    head_at = batch.back().at;
    last.reset();
    return commit_outcome::ok;
}

commit_outcome sqlite_store::commit(std::span<const journal_record> batch) { return impl_->commit(batch); }

result<journal_record> sqlite_store::impl::read_head() {
    AIVP_TRY(statement row, db.prepare("SELECT seq, at, chain FROM journal ORDER BY seq DESC LIMIT 1"));
    const int code = row.step();
    if (code == SQLITE_DONE) return journal_record{};
    if (code != SQLITE_ROW) return std::unexpected(db.failure(code, doing::reading, "read the journal's head"));
    const auto seq = static_cast<std::uint64_t>(row.integer(0));
    const auto chain = digest_of(row.bytes(2));
    if (!chain) return broken_record(db, seq, "has no digest");
    return journal_record{{seq}, {row.integer(1)}, {}, *chain};
}

result<journal_record> sqlite_store::head() {
    AIVP_CHECK(impl_->ready());
    AIVP_TRY(const journal_record found, impl_->read_head());
    impl_->must_read = false;
    return found;
}

result<digest> sqlite_store::impl::chain_before(std::uint64_t seq) {
    if (seq <= 1) return digest{};
    AIVP_TRY(statement row, db.prepare("SELECT chain FROM journal WHERE seq = ?1"));
    const int code = row.bind(1, seq - 1).step();
    if (code == SQLITE_DONE) return broken_record(db, seq - 1, "is missing");
    if (code != SQLITE_ROW) return std::unexpected(db.failure(code, doing::reading, "read the journal"));
    const auto chain = digest_of(row.bytes(0));
    if (!chain) return broken_record(db, seq - 1, "has no digest");
    return *chain;
}

result<void> sqlite_store::impl::read(std::uint64_t from, const std::function<bool(const journal_record&)>& visit) {
    AIVP_TRY(statement rows, db.prepare("SELECT seq, at, line, chain FROM journal WHERE seq >= ?1 ORDER BY seq"));
    rows.bind(1, from);
    digest_chain chain;
    std::uint64_t expected = from;
    int code = rows.step();
    if (code == SQLITE_ROW) {
        AIVP_TRY(const digest before, chain_before(from));
        chain = digest_chain(before);
    }
    instant at = instant::min();
    for (; code == SQLITE_ROW; code = rows.step(), ++expected) {
        const auto seq = static_cast<std::uint64_t>(rows.integer(0));
        if (seq != expected) return broken_record(db, expected, "is missing");
        const journal_record record{
            {seq}, {rows.integer(1)}, rows.bytes(2), digest_of(rows.bytes(3)).value_or(digest{})};
        if (chain.append(record.line) != record.chain) return broken_record(db, seq, "does not fit the digest chain");
        if (record.at < at) return broken_record(db, seq, "is earlier than the one before it");
        at = record.at;
        if (!visit(record)) return {};
    }
    if (code != SQLITE_DONE)
        return std::unexpected(
            db.failure(code, doing::reading, "read the journal from record " + std::to_string(expected)));
    return {};
}

result<void> sqlite_store::read(seq_no from, const std::function<bool(const journal_record&)>& visit) {
    AIVP_CHECK(impl_->ready());
    impl_->must_read = false;
    return impl_->read(from.value < 1 ? 1 : from.value, visit);
}

// ---- snapshots ---------------------------------------------------------------------------------------------------------

result<void> sqlite_store::save_snapshot(const state_snapshot& s) {
    const digest hash = sha256(s.state);
    return impl_->write([&]() -> result<void> {
        connection& db = impl_->db;
        AIVP_TRY(statement record, db.prepare("SELECT 1 FROM journal WHERE seq = ?1 AND chain = ?2"));
        if (record.bind(1, s.seq.value).bind_blob(2, s.chain.view()).step() != SQLITE_ROW)
            return fail(errc::io_write, "a snapshot of a record that is not in the journal", {db.path(), 0, 0});
        AIVP_TRY(statement insert, db.prepare("INSERT OR REPLACE INTO snapshots(seq, at, chain, hash, state)"
                                              " VALUES (?1, ?2, ?3, ?4, ?5)"));
        insert.bind(1, s.seq.value).bind(2, s.at.us).bind_blob(3, s.chain.view());
        const int code = insert.bind_blob(4, hash.view()).bind_blob(5, s.state).run();
        if (code != SQLITE_DONE) return std::unexpected(db.failure(code, doing::writing, "save a snapshot"));
        return db.execute(
            "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT 2)",
            doing::writing);
    });
}

result<std::optional<state_snapshot>> sqlite_store::load_snapshot() {
    AIVP_CHECK(impl_->ready());
    connection& db = impl_->db;
    AIVP_TRY(statement rows, db.prepare("SELECT s.seq, s.at, s.chain, s.hash, s.state FROM snapshots s"
                                        " JOIN journal j ON j.seq = s.seq AND j.chain = s.chain ORDER BY s.seq DESC"));
    int code = rows.step();
    for (; code == SQLITE_ROW; code = rows.step()) {
        const std::string_view state = rows.bytes(4);
        const auto chain = digest_of(rows.bytes(2));
        if (!chain || sha256(state).view() != rows.bytes(3)) continue;
        return state_snapshot{
            {static_cast<std::uint64_t>(rows.integer(0))}, {rows.integer(1)}, *chain, std::string(state)};
    }
    if (code != SQLITE_DONE) return std::unexpected(db.failure(code, doing::reading, "read a snapshot"));
    return std::nullopt;
}

// ---- blobs, values, the writer -----------------------------------------------------------------------------------------

result<digest> sqlite_store::put(std::string_view bytes) {
    AIVP_CHECK(impl_->ready());
    const digest name = sha256(bytes);
    connection& db = impl_->db;
    AIVP_TRY(statement known, db.prepare("SELECT 1 FROM blobs WHERE hash = ?1"));
    if (known.bind_blob(1, name.view()).run() == SQLITE_ROW) return name;
    AIVP_CHECK(impl_->write([&]() -> result<void> {
        AIVP_TRY(statement insert, db.prepare("INSERT OR REPLACE INTO blobs(hash, bytes) VALUES (?1, ?2)"));
        const int code = insert.bind_blob(1, name.view()).bind_blob(2, bytes).run();
        if (code != SQLITE_DONE) return std::unexpected(db.failure(code, doing::writing, "keep a blob"));
        return {};
    }));
    return name;
}

result<std::string> sqlite_store::get(const digest& name) {
    AIVP_CHECK(impl_->ready());
    connection& db = impl_->db;
    AIVP_TRY(statement row, db.prepare("SELECT bytes FROM blobs WHERE hash = ?1"));
    const int code = row.bind_blob(1, name.view()).step();
    if (code == SQLITE_DONE) return fail(errc::tape_blob, "no blob " + to_hex(name), {db.path(), 0, 0});
    if (code != SQLITE_ROW) return std::unexpected(db.failure(code, doing::reading, "read a blob"));
    std::string bytes(row.bytes(0));
    if (sha256(bytes) != name)
        return fail(errc::tape_blob, "the content of blob " + to_hex(name) + " has another hash", {db.path(), 0, 0});
    return bytes;
}

result<store_writer> sqlite_store::writer() {
    AIVP_CHECK(impl_->ready());
    AIVP_TRY(statement row, impl_->db.prepare("SELECT epoch, holder, pid, heartbeat_at FROM writer WHERE id = 1"));
    const int code = row.step();
    if (code != SQLITE_ROW) return std::unexpected(impl_->db.failure(code, doing::reading, "read who writes"));
    return store_writer{
        static_cast<std::uint64_t>(row.integer(0)), std::string(row.bytes(1)), row.integer(2), {row.integer(3)}};
}

result<void> sqlite_store::heartbeat(instant now) {
    return impl_->write([&] {
        return impl_->db.execute("UPDATE writer SET heartbeat_at = " + std::to_string(now.us), doing::writing);
    });
}

result<void> sqlite_store::kv_put(std::string_view space, std::string_view key, std::string_view value, seq_no seq) {
    return impl_->write([&]() -> result<void> {
        AIVP_TRY(statement insert, impl_->db.prepare("INSERT OR REPLACE INTO kv(namespace, key, value, seq)"
                                                     " VALUES (?1, ?2, ?3, ?4)"));
        const int code = insert.bind(1, space).bind(2, key).bind_blob(3, value).bind(4, seq.value).run();
        if (code != SQLITE_DONE) return std::unexpected(impl_->db.failure(code, doing::writing, "keep a value"));
        return {};
    });
}

result<void> sqlite_store::kv_erase(std::string_view space, std::string_view key) {
    return impl_->write([&]() -> result<void> {
        AIVP_TRY(statement erase, impl_->db.prepare("DELETE FROM kv WHERE namespace = ?1 AND key = ?2"));
        const int code = erase.bind(1, space).bind(2, key).run();
        if (code != SQLITE_DONE) return std::unexpected(impl_->db.failure(code, doing::writing, "forget a value"));
        return {};
    });
}

result<std::optional<std::string>> sqlite_store::kv_get(std::string_view space, std::string_view key) {
    AIVP_CHECK(impl_->ready());
    AIVP_TRY(statement row, impl_->db.prepare("SELECT value FROM kv WHERE namespace = ?1 AND key = ?2"));
    const int code = row.bind(1, space).bind(2, key).step();
    if (code == SQLITE_DONE) return std::nullopt;
    if (code != SQLITE_ROW) return std::unexpected(impl_->db.failure(code, doing::reading, "read a value"));
    return std::string(row.bytes(0));
}

result<std::vector<std::string>> sqlite_store::kv_keys(std::string_view space, std::string_view prefix,
                                                       std::size_t limit) {
    AIVP_CHECK(impl_->ready());
    AIVP_TRY(statement rows, impl_->db.prepare("SELECT key FROM kv WHERE namespace = ?1 AND key >= ?2 ORDER BY key"));
    rows.bind(1, space).bind(2, prefix);
    std::vector<std::string> keys;
    int code = SQLITE_ROW;
    while (keys.size() < limit && (code = rows.step()) == SQLITE_ROW && rows.bytes(0).starts_with(prefix))
        keys.emplace_back(rows.bytes(0));
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        return std::unexpected(impl_->db.failure(code, doing::reading, "list the keys"));
    return keys;
}

// ---- upkeep ------------------------------------------------------------------------------------------------------------

result<void> sqlite_store::checkpoint() {
    AIVP_CHECK(impl_->ready());
    if (impl_->options.read_only || impl_->options.journal != sqlite_options::journal_mode::wal) return {};
    int pages = 0;
    int moved = 0;
    // Passive: neither waits for a reader nor shrinks the log, and overwriting a log costs less than making it longer.
    const int code = sqlite3_wal_checkpoint_v2(impl_->db.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    if (code != SQLITE_OK)
        return std::unexpected(impl_->db.failure(code, doing::writing, "move the log into the store"));
    if (pages == moved) impl_->wal_pages = 0;
    return {};
}

std::uint64_t sqlite_store::wal_bytes() const { return wal_bytes_of(impl_->wal_pages); }
bool sqlite_store::checkpoint_due() const { return wal_bytes() >= impl_->options.wal_bytes_max; }

result<std::uint64_t> sqlite_store::verify() {
    AIVP_CHECK(impl_->ready());
    connection& db = impl_->db;
    AIVP_TRY(const std::string found, db.value("PRAGMA integrity_check(1)", doing::reading));
    if (found != "ok") return fail(errc::store_corrupt, "the file is damaged: " + found, {db.path(), 0, 0});
    std::uint64_t count = 0;
    AIVP_CHECK(impl_->read(1, [&](const journal_record&) { return ++count > 0; }));
    return count;
}

result<database_bytes> sqlite_store::bytes() {
    AIVP_CHECK(impl_->ready());
    sqlite3_int64 size = 0;
    unsigned char* const copy = sqlite3_serialize(impl_->db.get(), "main", &size, 0);
    if (copy == nullptr)
        return std::unexpected(impl_->db.failure(sqlite3_errcode(impl_->db.get()), doing::reading, "copy the store"));
    return database_bytes(copy, static_cast<std::size_t>(size));
}

result<query_result> sqlite_store::query(std::string_view sql, std::size_t rows_max) {
    AIVP_CHECK(impl_->ready());
    if (!impl_->options.read_only) AIVP_CHECK(sqlite::refresh_projection_schema(impl_->db));
    return sqlite::select(impl_->db, sql, rows_max);
}

} // namespace aivp
