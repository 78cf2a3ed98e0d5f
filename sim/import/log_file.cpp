#include "sim/import/internal/log_file.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <zlib.h>

#include "runtime/tape/internal/tape_scan.hpp"

namespace aivp::sim::internal {

namespace {

constexpr std::size_t log_chunk_bytes = 1u << 18;
// A compressed file may grow a thousandfold: what is read at once is bounded by the size of one document.
constexpr std::size_t log_document_bytes_max = json_bytes_max;

struct log_closer {
    void operator()(gzFile file) const { gzclose(file); }
};
using log_handle = std::unique_ptr<std::remove_pointer_t<gzFile>, log_closer>;

// zlib reads files that are not compressed just as well.
class log_reader {
public:
    explicit log_reader(const std::string& file) : file_(file), handle_(gzopen(file.c_str(), "rb")) {}

    bool good() const { return handle_ != nullptr; }

    // The next line without its end, or nothing at the end. Errors: io.read, import.format.
    result<std::optional<std::string>> line() {
        for (;;) {
            const std::size_t stop = buffer_.find('\n', scanned_);
            if (stop != std::string::npos) {
                std::string found = buffer_.substr(begin_, stop - begin_);
                begin_ = scanned_ = stop + 1;
                return found;
            }
            scanned_ = buffer_.size();
            if (buffer_.size() - begin_ > log_document_bytes_max) return too_large();
            AIVP_TRY(const bool more, fill());
            if (more) continue;
            if (begin_ == buffer_.size()) return std::optional<std::string>();
            std::string found = buffer_.substr(begin_);
            begin_ = scanned_ = buffer_.size();
            return found;
        }
    }

    result<std::string> everything() {
        for (;;) {
            AIVP_TRY(const bool more, fill());
            if (!more) return std::move(buffer_);
            if (buffer_.size() > log_document_bytes_max) return std::unexpected(too_large().error());
        }
    }

private:
    result<std::optional<std::string>> too_large() const {
        return fail(errc::import_format, "a document takes more than 64 MiB", {file_});
    }

    result<bool> fill() {
        buffer_.erase(0, begin_);
        scanned_ -= begin_;
        begin_ = 0;
        const std::size_t size = buffer_.size();
        buffer_.resize(size + log_chunk_bytes);
        const int n = gzread(handle_.get(), buffer_.data() + size, static_cast<unsigned>(log_chunk_bytes));
        buffer_.resize(size + static_cast<std::size_t>(n > 0 ? n : 0));
        if (n > 0) return true;
        int code = Z_OK;
        const char* text = gzerror(handle_.get(), &code);
        if (code == Z_ERRNO) return fail(errc::io_read, std::strerror(errno), {file_});
        if (n < 0 || code != Z_OK)
            return fail(errc::import_format, std::string("the file is damaged: ") + text, {file_});
        return false;
    }

    std::string file_;
    log_handle handle_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;
};

error log_json_error(const error& json, const std::string& file, std::uint32_t first_line) {
    error e{errc::import_format, json.message, json.where, json.help, {}};
    e.where.file = file;
    e.where.line = first_line + (json.where.line > 0 ? json.where.line - 1 : 0);
    e.where.column = json.where.column > 0 ? json.where.column : 1;
    e.context.emplace_back("cause", std::string(info(json.code).name));
    return e;
}

// `prefix`: the pointer of the document within `text`.
result<void> log_visit(const std::function<result<void>(const log_document&)>& visit, const log_document& document,
                       const std::string& file, std::string_view text, const std::string& prefix,
                       std::uint32_t first_line) {
    auto visited = visit(document);
    if (visited || !visited.error().where.file.empty()) return visited;
    std::string pointer = prefix;
    for (const auto& [key, value] : visited.error().context)
        if (key == "pointer") pointer += value;
    visited.error().where =
        aivp::internal::tape_position(file, text, aivp::internal::tape_locate(text, pointer), first_line);
    return visited;
}

result<void> log_read_whole(log_reader& reader, const std::string& file,
                            const std::function<result<void>(const log_document&)>& visit) {
    AIVP_TRY(const std::string text, reader.everything());
    const auto document = payload::parse(text);
    if (!document) return std::unexpected(log_json_error(document.error(), file, 1));
    if (!document->is_array()) return log_visit(visit, {*document, text, 1}, file, text, "", 1);
    std::size_t index = 0;
    for (const payload& item : items(*document)) {
        const std::string prefix = "/" + std::to_string(index++);
        const std::uint32_t line =
            aivp::internal::tape_position(file, text, aivp::internal::tape_locate(text, prefix), 1).line;
        AIVP_CHECK(log_visit(visit, {item, {}, line}, file, text, prefix, 1));
    }
    return {};
}

std::string log_without(std::string name, std::string_view ending) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
    return name;
}

} // namespace

result<void> read_log(const std::string& file, const std::function<result<void>(const log_document&)>& visit) {
    errno = 0;
    log_reader reader(file);
    if (!reader.good())
        return fail(errno == ENOENT ? errc::io_not_found : errc::io_read, std::strerror(errno == 0 ? ENOMEM : errno),
                    {file});
    if (log_without(file, ".gz").ends_with(".json")) return log_read_whole(reader, file, visit);
    for (std::uint32_t number = 1;; ++number) {
        AIVP_TRY(const auto text, reader.line());
        if (!text) return {};
        if (text->find_first_not_of(" \t\r") == std::string::npos) continue;
        const auto document = payload::parse(*text);
        if (!document) return std::unexpected(log_json_error(document.error(), file, number));
        AIVP_CHECK(log_visit(visit, {*document, *text, number}, file, *text, "", number));
    }
}

std::string log_stem(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    std::string name = slash == std::string::npos ? file : file.substr(slash + 1);
    name = log_without(std::move(name), ".gz");
    return log_without(log_without(std::move(name), ".jsonl"), ".json");
}

} // namespace aivp::sim::internal
