#include "runtime/daemon/secrets.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace aivp;

struct secret_folder {
    secret_folder() {
        char name[] = "/tmp/aivp-secrets-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~secret_folder() { std::filesystem::remove_all(path); }
    void put(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        std::ofstream(path + "/" + name) << text;
        ::chmod((path + "/" + name).c_str(), mode);
    }
    std::string path;
};

bool is_refused(const result<std::string>& r) { return !r && r.error().code == errc::secret_unavailable; }

} // namespace

BOOST_AUTO_TEST_SUITE(secrets_of_a_live_host)

BOOST_AUTO_TEST_CASE(the_environment_comes_first) {
    const secret_folder folder;
    folder.put("shop.api-key", "from the file");
    live_secrets secrets(folder.path);
    BOOST_TEST(secret_variable("shop.api-key") == "AIVP_SECRET_SHOP_API_KEY");
    BOOST_TEST(secrets.reveal("shop.api-key").value() == "from the file");
    ::setenv("AIVP_SECRET_SHOP_API_KEY", "from the environment", 1);
    BOOST_TEST(secrets.reveal("shop.api-key").value() == "from the environment");
    ::unsetenv("AIVP_SECRET_SHOP_API_KEY");
}

BOOST_AUTO_TEST_CASE(a_line_end_at_the_end_is_not_part_of_it) {
    const secret_folder folder;
    folder.put("a", "two words\r\n");
    folder.put("b", "\n");
    live_secrets secrets(folder.path);
    BOOST_TEST(secrets.reveal("a").value() == "two words");
    BOOST_TEST(is_refused(secrets.reveal("b")));
}

BOOST_AUTO_TEST_CASE(what_others_may_read_is_no_secret) {
    const secret_folder folder;
    folder.put("a", "x", 0640);
    live_secrets secrets(folder.path);
    BOOST_TEST(is_refused(secrets.reveal("a")));
    folder.put("a", "x", 0600);
    BOOST_TEST(secrets.reveal("a").value() == "x");
    ::chmod(folder.path.c_str(), 0755);
    BOOST_TEST(is_refused(secrets.reveal("a")));
}

BOOST_AUTO_TEST_CASE(names_do_not_lead_out_of_the_folder) {
    const secret_folder folder;
    live_secrets secrets(folder.path + "/inner");
    std::filesystem::create_directory(folder.path + "/inner");
    ::chmod((folder.path + "/inner").c_str(), 0700);
    folder.put("outside", "x");
    for (const char* name : {"../outside", "..", "", ".hidden", "a/b", "a b", "none"})
        BOOST_TEST(is_refused(secrets.reveal(name)), name);
    BOOST_TEST(is_refused(live_secrets("").reveal("none")));
}

BOOST_AUTO_TEST_SUITE_END()
