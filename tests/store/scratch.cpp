#include "tests/store/scratch.hpp"

#include <utility>

#include <boost/test/unit_test.hpp>
#include <sqlite3.h>

namespace store_test {

using namespace aivp;

std::unique_ptr<sqlite_store> must_open(const sqlite_options& o) {
    auto opened = sqlite_store::open(o);
    BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : to_string(opened.error())));
    return std::move(*opened);
}

std::string open_error(const sqlite_options& o) { return code_of(sqlite_store::open(o)); }

raw_database::raw_database(const std::string& path) { sqlite3_open(path.c_str(), &db_); }
raw_database::~raw_database() { sqlite3_close(db_); }

std::string raw_database::run(const std::string& sql) {
    std::string found;
    char* message = nullptr;
    const auto keep = [](void* out, int, char** values, char**) {
        auto& text = *static_cast<std::string*>(out);
        if (text.empty() && values[0]) text = values[0];
        return 0;
    };
    if (sqlite3_exec(db_, sql.c_str(), keep, &found, &message) != SQLITE_OK) found = std::string("[") + message + "]";
    sqlite3_free(message);
    return found;
}

} // namespace store_test
