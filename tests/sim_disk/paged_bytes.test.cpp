#include "sim/disk/paged_bytes.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

using aivp::sim::paged_bytes;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string text_of(const paged_bytes& bytes) {
    std::string text(static_cast<std::size_t>(bytes.size()), '?');
    bytes.read(0, std::as_writable_bytes(std::span(text)));
    return text;
}

/// Somewhere in the first few pages, often near an edge.
std::size_t some_offset() {
    const auto page = *rc::gen::inRange<std::size_t>(0, 4);
    const auto near_edge = *rc::gen::inRange<std::size_t>(0, 9);
    return *rc::gen::arbitrary<bool>() ? page * 4096 + near_edge
                                       : (page + 1) * 4096 - *rc::gen::inRange<std::size_t>(0, 4096);
}

} // namespace

BOOST_AUTO_TEST_SUITE(paged_bytes_)

BOOST_AUTO_TEST_CASE(what_was_never_written_reads_as_zero) {
    paged_bytes file;
    file.write(10'000, bytes_of("end"));
    BOOST_TEST(file.size() == 10'003U);
    BOOST_TEST(text_of(file) == std::string(10'000, '\0') + "end");
}

BOOST_AUTO_TEST_CASE(a_read_stops_at_the_end) {
    paged_bytes file;
    file.write(0, bytes_of("abc"));
    std::string out(5, '?');
    BOOST_TEST(file.read(1, std::as_writable_bytes(std::span(out))) == 2U);
    BOOST_TEST(out == "bc???");
    BOOST_TEST(file.read(3, std::as_writable_bytes(std::span(out))) == 0U);
    BOOST_TEST(file.read(1'000'000, std::as_writable_bytes(std::span(out))) == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_cut_off_does_not_come_back) {
    paged_bytes file;
    file.write(0, bytes_of("secret"));
    file.resize(2);
    file.resize(6);
    BOOST_TEST(text_of(file) == std::string("se\0\0\0\0", 6));
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_is_one_bit) {
    paged_bytes file;
    file.write(0, bytes_of("aaaa"));
    const paged_bytes before = file;
    file.flip_bit(2 * 8 + 1);
    BOOST_TEST(text_of(file) == "aaca");
    BOOST_TEST(text_of(before) == "aaaa");
}

RC_BOOST_PROP(behaves_as_a_string_and_copies_do_not_see_each_other, ()) {
    std::vector<std::pair<paged_bytes, std::string>> copies(1);
    const auto steps = *rc::gen::inRange(1, 30);
    for (int i = 0; i < steps; ++i) {
        const auto chosen = *rc::gen::inRange<std::size_t>(0, copies.size());
        if (*rc::gen::inRange(0, 5) == 0) {
            copies.push_back(copies[chosen]);
            continue;
        }
        auto& [file, text] = copies[chosen];
        const std::size_t offset = some_offset();
        if (*rc::gen::inRange(0, 4) == 0) {
            file.resize(offset);
            text.resize(offset);
        } else {
            const std::string piece(some_offset() % 9000, static_cast<char>('a' + i % 26));
            file.write(offset, bytes_of(piece));
            if (!piece.empty() && text.size() < offset + piece.size()) text.resize(offset + piece.size());
            if (!piece.empty()) text.replace(offset, piece.size(), piece);
        }
    }
    for (const auto& [file, text] : copies) RC_ASSERT(text_of(file) == text);
}

BOOST_AUTO_TEST_SUITE_END()
