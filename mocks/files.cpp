#include "mocks/files.hpp"

#include <algorithm>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

constexpr std::size_t files_path_bytes_max = 1024;

result<void> files_check_path(std::string_view path, bool folder) {
    const auto refuse = [&](std::string_view why) -> std::unexpected<error> {
        return fail(errc::io_unsafe_path, "files: the path \"" + shortened(path, 80) + "\" " + std::string(why));
    };
    if (!path.starts_with('/')) return refuse("does not start with \"/\"");
    if (path.size() > files_path_bytes_max) return refuse("is longer than 1024 bytes");
    if (folder && path == "/") return {};
    if (folder && path.ends_with('/')) path.remove_suffix(1);
    for (const char c : path)
        if (static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7F)
            return refuse("holds a control character or a backslash");
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at + 1), path.size());
        const std::string_view step = path.substr(at + 1, end - at - 1);
        if (step.empty()) return refuse("holds an empty step");
        if (step == "." || step == "..") return refuse("leaves its folder through \".\" or \"..\"");
        at = end;
    }
    return {};
}

std::int64_t files_total(const files_state& state) {
    std::int64_t sum = 0;
    for (const auto& [path, file] : state.files) sum += static_cast<std::int64_t>(file.content.size());
    return sum;
}

// Would a file at this path have to be a folder at the same time, or lie below a file?
result<void> files_check_place(const files_state& state, const std::string& path) {
    const std::string below = path + "/";
    const auto inside = state.files.lower_bound(below);
    if (inside != state.files.end() && inside->first.starts_with(below))
        return fail(errc::skill_conflict, "files: \"" + path + "\" is a folder");
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const std::string above = path.substr(0, slash);
        if (state.files.contains(above))
            return fail(errc::skill_conflict, "files: \"" + above + "\" is a file, not a folder");
    }
    return {};
}

std::unexpected<error> files_missing(const std::string& path) {
    return fail(errc::skill_not_found, "files: there is no file \"" + path + "\"");
}

result<void> files_put(files_state& state, const std::string& path, virtual_file file) {
    const auto size = static_cast<std::int64_t>(file.content.size());
    if (size > state.file_bytes_max)
        return fail(errc::skill_bad_request, "files: " + std::to_string(size) +
                                                 " bytes are more than a file may hold (" +
                                                 std::to_string(state.file_bytes_max) + ")");
    AIVP_CHECK(files_check_place(state, path));
    const auto found = state.files.find(path);
    const std::int64_t before =
        found == state.files.end() ? 0 : static_cast<std::int64_t>(found->second.content.size());
    if (files_total(state) - before + size > state.total_bytes_max)
        return fail(errc::skill_conflict, "files: the disk is full");
    if (found == state.files.end() && static_cast<std::int64_t>(state.files.size()) >= state.files_max)
        return fail(errc::skill_conflict,
                    "files: there are " + std::to_string(state.files_max) + " files, which is the limit");
    state.files.insert_or_assign(path, std::move(file));
    return {};
}

} // namespace

const std::vector<std::string>& files_mock::operations() const {
    static const std::vector<std::string> names{"delete", "list", "move", "read", "write"};
    return names;
}

result<payload> files_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "read") return read(request, target);
    if (request.operation == "write") return write(request, target);
    if (request.operation == "list") return list(request, target);
    if (request.operation == "delete") return remove(request, target);
    if (request.operation == "move") return move(request, target);
    return unknown_operation(*this, request);
}

result<payload> files_mock::read(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("path");
    AIVP_CHECK(in.done());
    AIVP_CHECK(files_check_path(target, false));
    const auto found = state_.files.find(target);
    if (found == state_.files.end()) return files_missing(target);
    object_writer out;
    out.text("path", target).text("content", found->second.content);
    return out.integer("size", static_cast<std::int64_t>(found->second.content.size())).build();
}

result<payload> files_mock::list(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("folder");
    const bool recursive = in.boolean_or("recursive", false);
    AIVP_CHECK(in.done());
    AIVP_CHECK(files_check_path(target, true));
    const std::string prefix = target.ends_with('/') ? target : target + "/";
    array_writer list;
    for (auto at = state_.files.lower_bound(prefix); at != state_.files.end() && at->first.starts_with(prefix); ++at) {
        if (!recursive && at->first.find('/', prefix.size()) != std::string::npos) continue;
        object_writer one;
        one.text("path", at->first).integer("size", static_cast<std::int64_t>(at->second.content.size()));
        list.raw(one.text("modified_at", to_string(at->second.modified_at)).json());
    }
    return object_writer().raw("files", list.json()).build();
}

result<payload> files_mock::write(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("path");
    std::string content = in.text("content");
    const bool overwrite = in.boolean_or("overwrite", true);
    AIVP_CHECK(in.done());
    AIVP_CHECK(files_check_path(target, false));
    if (!overwrite && state_.files.contains(target))
        return fail(errc::skill_conflict, "files: \"" + target + "\" exists");
    const auto size = static_cast<std::int64_t>(content.size());
    AIVP_CHECK(files_put(state_, target, {std::move(content), request.now}));
    return object_writer().text("path", target).integer("size", size).build();
}

result<payload> files_mock::remove(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("path");
    AIVP_CHECK(in.done());
    AIVP_CHECK(files_check_path(target, false));
    return object_writer().boolean("deleted", state_.files.erase(target) > 0).build();
}

result<payload> files_mock::move(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    const std::string from = in.text("from");
    const std::string to = in.text("to");
    const bool overwrite = in.boolean_or("overwrite", false);
    target = from;
    AIVP_CHECK(in.done());
    AIVP_CHECK(files_check_path(from, false));
    AIVP_CHECK(files_check_path(to, false));
    const auto found = state_.files.find(from);
    if (found == state_.files.end()) return files_missing(from);
    if (from != to) {
        if (!overwrite && state_.files.contains(to)) return fail(errc::skill_conflict, "files: \"" + to + "\" exists");
        files_state next = state_;
        virtual_file moved = found->second;
        next.files.erase(from);
        AIVP_CHECK(files_put(next, to, std::move(moved)));
        state_ = std::move(next);
    }
    return object_writer().text("path", to).build();
}

result<void> files_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    files_state next;
    constexpr std::int64_t most = std::int64_t{1} << 40;
    next.file_bytes_max = in.integer_or("file_bytes_max", next.file_bytes_max, 0, most);
    next.total_bytes_max = in.integer_or("total_bytes_max", next.total_bytes_max, 0, most);
    next.files_max = in.integer_or("files_max", next.files_max, 0, most);
    for (const auto& [path, value] : in.map("files")) {
        const std::string where = in.pointer("files") + pointer_step(path);
        virtual_file file;
        if (auto text = as_string(value)) {
            file.content = std::move(*text);
        } else {
            field_reader one(value, field_origin::seed, where);
            file.content = one.text("content");
            file.modified_at = one.maybe_time("modified_at").value_or(instant{});
            if (auto read = one.done(); !read) in.adopt(read.error());
        }
        auto fits = files_check_path(path, false);
        if (fits) fits = files_put(next, path, std::move(file));
        if (!fits) in.adopt({errc::config_value, where + ": " + fits.error().message, {}, {}, {{"pointer", where}}});
        if (!in.ok()) break;
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload files_mock::dump() const {
    std::vector<std::pair<std::string, payload>> files;
    for (const auto& [path, file] : state_.files)
        files.emplace_back(
            path,
            object_writer().text("content", file.content).text("modified_at", to_string(file.modified_at)).build());
    object_writer out;
    out.value("files", payload::of_object(std::move(files))).integer("file_bytes_max", state_.file_bytes_max);
    return out.integer("total_bytes_max", state_.total_bytes_max).integer("files_max", state_.files_max).build();
}

} // namespace aivp
