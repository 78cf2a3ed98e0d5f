// A virtual tree of text files. Nothing on the machine's disk is ever touched.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct virtual_file {
    std::string content;
    instant modified_at;
    friend bool operator==(const virtual_file&, const virtual_file&) = default;
};

struct files_state {
    std::map<std::string, virtual_file> files; ///< by absolute path; folders exist through what is in them
    std::int64_t file_bytes_max = 1 << 20;
    std::int64_t total_bytes_max = 16 << 20;
    std::int64_t files_max = 10'000;
    friend bool operator==(const files_state&, const files_state&) = default;
};

/// read {path}; write {path, content, overwrite?}; list {folder, recursive?}; delete {path}; move {from, to, overwrite?}.
/// Paths start with "/" and hold neither "." nor ".." nor empty steps (io.unsafe_path).
class files_mock final : public mock_service {
public:
    std::string_view name() const override { return "files"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"files": {"/a/b.txt": "content" | {"content","modified_at"}}, "file_bytes_max", "total_bytes_max", "files_max"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<files_mock>(*this); }

    const files_state& state() const { return state_; }

private:
    result<payload> read(const mock_request& request, std::string& target) const;
    result<payload> list(const mock_request& request, std::string& target) const;
    result<payload> write(const mock_request& request, std::string& target);
    result<payload> remove(const mock_request& request, std::string& target);
    result<payload> move(const mock_request& request, std::string& target);

    files_state state_;
};

} // namespace aivp
