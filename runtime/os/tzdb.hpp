// Loads time zones from the system's compiled database (TZif files, Debian package tzdata). Every use of the file system for
// time zones is here; what comes out is a value. The files are parsed by aivp itself: Debian's build of the date library
// leaves out the rule for the time after a file's last change, so that daylight-saving time would end in 2037.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aivp/schedule/zone.hpp"

namespace aivp {

/// The folder that TZDIR names, else /usr/share/zoneinfo.
std::string zoneinfo_folder();

/// A folder of TZif files. Reads it at every call and keeps nothing; safe to use from any thread.
class tz_database {
public:
    explicit tz_database(std::string folder = zoneinfo_folder()) : folder_(std::move(folder)) {}

    /// `name` as IANA writes it, with its capitals: "Europe/Berlin". "UTC" needs no file. Errors: config.zone, with the
    /// nearest known names as help.
    result<zone_rules> load(std::string_view name) const;
    /// "2025b"; empty when the folder does not say.
    std::string version() const;
    /// All names in ascending order; empty when there is no database.
    std::vector<std::string> names() const;

private:
    std::string folder_;
};

} // namespace aivp
