#include "runtime/net/url.hpp"

#include <algorithm>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

BOOST_AUTO_TEST_SUITE(url_reader)

BOOST_AUTO_TEST_CASE(an_address_is_taken_apart) {
    const url u = parse_url("HTTPS://API.Example.com/v1/items?q=a%20b&x=[1]").value();
    BOOST_TEST(u.secure);
    BOOST_TEST(u.host == "api.example.com");
    BOOST_TEST(u.port == 443);
    BOOST_TEST(u.target == "/v1/items?q=a%20b&x=[1]");
    BOOST_TEST(to_string(u) == "https://api.example.com/v1/items?q=a%20b&x=[1]");
}

BOOST_AUTO_TEST_CASE(defaults_are_filled_in_and_left_out_again) {
    BOOST_TEST(to_string(parse_url("http://h").value()) == "http://h/");
    BOOST_TEST(to_string(parse_url("http://h:80?q").value()) == "http://h/?q");
    BOOST_TEST(to_string(parse_url("http://h:443/").value()) == "http://h:443/");
    BOOST_TEST(authority(parse_url("https://[0:0::1]:8443/").value()) == "[::1]:8443");
    BOOST_TEST(parse_url("https://[2001:DB8:0:0:0:0:0:1]/").value().host == "2001:db8::1");
    BOOST_TEST(parse_url("http://127.0.0.1/").value().host == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(everything_unusual_is_refused) {
    for (const char* text : {
             "",
             "h",
             "/x",
             "http:/h",
             "http://",
             "http:///x",
             "ftp://h/",
             "javascript://h/",
             "httpss://h/",
             "://h/",
             "http://user@h/",
             "http://user:pw@h/",
             "http://h@evil/",
             "http://h#f",
             "http://h/#f",
             "http://h/x#",
             "http://h:0/",
             "http://h:/",
             "http://h:080/",
             "http://h:65536/",
             "http://h:99999999999/",
             "http://h:8a/",
             "http://h:-1/",
             "http://h:80:80/",
             "http://h\\@e/",
             "http://h/\\x",
             "http://h /",
             "http://h/a b",
             "http://h/\t",
             "http://h/\x7f",
             "http://h/\xc3\xa4",
             "http://\xc3\xa4/",
             "http://h/%",
             "http://h/%4",
             "http://h/%zz",
             "http://h/a%2",
             "http://h./",
             "http://.h/",
             "http://a..b/",
             "http://-a/",
             "http://a-/",
             "http://a%2eb/",
             "http://a,b/",
             "http://*/",
             "http://127.1/",
             "http://0x7f.1/",
             "http://0x7f000001/",
             "http://2130706433/",
             "http://017700000001/",
             "http://127.0.0.01/",
             "http://127.0.0.1.5/",
             "http://256.0.0.1/",
             "http://1/",
             "http://0/",
             "http://a.0x/",
             "http://h.123/",
             "http://[::1/",
             "http://[::1]x/",
             "http://[::1%25lo]/",
             "http://[::1%lo]/",
             "http://[127.0.0.1]/",
             "http://[]/",
             "http://::1/",
             "http://[v1.a]/",
             "http://h/..",
             "http://h/../x",
             "http://h/a/./b",
             "http://h/%2e%2E/",
             "http://h/.%2e",
             "http://h/a/..?q",
             "http://h/<x>",
             "http://h/\"",
             "http://h/{id}",
             "http://h/a|b",
             "http://h/`",
             "http://h/^",
         }) {
        const auto got = parse_url(text);
        BOOST_TEST(!got.has_value(), text);
        if (!got) BOOST_TEST(static_cast<int>(got.error().code) == static_cast<int>(errc::config_value), text);
    }
    BOOST_TEST(!parse_url(std::string_view("http://h/\0x", 11)));
    BOOST_TEST(!parse_url("http://" + std::string(64, 'a') + "/"));
    BOOST_TEST(parse_url("http://" + std::string(63, 'a') + "/").has_value());
    std::string longest;
    for (int i = 0; i < 127; ++i) longest += "a.";
    BOOST_TEST(!parse_url("http://" + longest + "a/"));
    BOOST_TEST(!parse_url("http://h/" + std::string(url_bytes_max, 'a')));
}

BOOST_AUTO_TEST_CASE(messages_do_not_repeat_what_may_be_a_key) {
    for (const char* text : {"https://h/?key=hunter2222#", "https://u:hunter2222@h/", "https://h/hunter2222 x"})
        BOOST_TEST(!to_string(parse_url(text).error()).contains("hunter2222"));
}

BOOST_AUTO_TEST_CASE(paths_are_joined_with_one_slash) {
    const url root = parse_url("http://h:8080/v1/").value();
    BOOST_TEST(to_string(joined(root, "/chat/completions").value()) == "http://h:8080/v1/chat/completions");
    BOOST_TEST(to_string(joined(parse_url("http://h").value(), "x").value()) == "http://h/x");
    BOOST_TEST(!joined(parse_url("http://h/?q").value(), "x"));
    BOOST_TEST(!joined(root, "../x"));
}

RC_BOOST_PROP(an_accepted_address_is_read_back_the_same, ()) {
    const auto parts = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("/", "?", ":", "8080", ":443", ".", "..", "a", "B", "-", "%41", "%2e", "@",
                                      "[::1]", "127.0.0.1", "&", "=", "#", "0", "[", "]"));
    std::string text = *rc::gen::element<std::string>("http://", "https://", "http://host", "https://host/");
    for (const auto& part : parts) text += part;
    const auto once = parse_url(text);
    RC_CLASSIFY(once.has_value());
    if (once) RC_ASSERT(parse_url(to_string(*once)).value() == *once);
}

RC_BOOST_PROP(an_encoded_text_is_one_segment_of_any_path, (const std::string& text)) {
    const std::string encoded = percent_encoded(text);
    const auto u = parse_url("http://h/a/" + encoded + "x/b");
    RC_ASSERT(u.has_value());
    RC_ASSERT(u->host == "h");
    RC_ASSERT(std::count(u->target.begin(), u->target.end(), '/') == 3);
    RC_ASSERT(!u->target.contains('?'));
}

BOOST_AUTO_TEST_SUITE_END()
