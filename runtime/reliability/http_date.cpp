#include <array>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "aivp/reliability/retry_after.hpp"
#include "runtime/reliability/internal/scan.hpp"

namespace aivp {
namespace {

constexpr std::array<std::string_view, 12> http_months{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> http_weekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                        "friday", "saturday", "sunday"};

struct http_fields {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
};

bool http_month(detail::scanner& s, http_fields& f) {
    for (std::size_t i = 0; i < http_months.size(); ++i)
        if (s.take(http_months[i])) {
            f.month = static_cast<int>(i) + 1;
            return true;
        }
    return false;
}

bool http_time(detail::scanner& s, http_fields& f) {
    return s.take_digits(2, f.hour) && s.take(":") && s.take_digits(2, f.minute) && s.take(":") &&
           s.take_digits(2, f.second);
}

// What follows the name of a day tells the three forms apart: ", 06 Nov", ", 06-Nov", " Nov  6".
bool http_after_short_name(detail::scanner& s, http_fields& f) {
    if (s.take(", "))
        return s.take_digits(2, f.day) && s.take(" ") && http_month(s, f) && s.take(" ") && s.take_digits(4, f.year) &&
               s.take(" ") && http_time(s, f) && s.take(" gmt") && s.at_end();
    return s.take(" ") && http_month(s, f) && s.take(" ") &&
           (s.take(" ") ? s.take_digits(1, f.day) : s.take_digits(2, f.day)) && s.take(" ") && http_time(s, f) &&
           s.take(" ") && s.take_digits(4, f.year) && s.at_end();
}

bool http_after_long_name(detail::scanner& s, http_fields& f, int year_now) {
    if (!(s.take(", ") && s.take_digits(2, f.day) && s.take("-") && http_month(s, f) && s.take("-") &&
          s.take_digits(2, f.year) && s.take(" ") && http_time(s, f) && s.take(" gmt") && s.at_end()))
        return false;
    f.year += year_now - year_now % 100;
    if (f.year - year_now > 50) f.year -= 100;
    if (year_now - f.year >= 50) f.year += 100;
    return true;
}

std::optional<instant> http_instant(const http_fields& f) {
    using namespace std::chrono;
    const year_month_day date{year{f.year}, month{static_cast<unsigned>(f.month)}, day{static_cast<unsigned>(f.day)}};
    if (!date.ok() || f.year < 0 || f.year > 9999 || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
    const std::int64_t days_since = sys_days{date}.time_since_epoch().count();
    return instant{} + aivp::days(days_since) + aivp::hours(f.hour) + aivp::minutes(f.minute) + aivp::seconds(f.second);
}

} // namespace

std::optional<instant> parse_http_date(std::string_view text, instant now) {
    using namespace std::chrono;
    const auto day_now =
        floor<std::chrono::days>(sys_time<std::chrono::microseconds>{std::chrono::microseconds{now.us}});
    constexpr sys_days first = year{0} / 1 / 1;
    constexpr sys_days last = year{9999} / 12 / 31;
    if (day_now < first || day_now > last) return std::nullopt;
    const int year_now = int{year_month_day{day_now}.year()};

    for (const std::string_view name : http_weekdays) {
        http_fields f;
        detail::scanner s{text};
        if (s.take(name)) return http_after_long_name(s, f, year_now) ? http_instant(f) : std::nullopt;
        if (s.take(name.substr(0, 3))) return http_after_short_name(s, f) ? http_instant(f) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace aivp
