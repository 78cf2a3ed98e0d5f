// The version, in one place: CMakeLists.txt reads the three numbers below.
#pragma once

#include <string_view>

#define AIVP_VERSION_MAJOR 0
#define AIVP_VERSION_MINOR 1
#define AIVP_VERSION_PATCH 0

namespace aivp {

inline constexpr int version_major = AIVP_VERSION_MAJOR;
inline constexpr int version_minor = AIVP_VERSION_MINOR;
inline constexpr int version_patch = AIVP_VERSION_PATCH;

#define AIVP_DETAIL_TEXT(x) #x
#define AIVP_DETAIL_VERSION(major, minor, patch) \
    AIVP_DETAIL_TEXT(major) "." AIVP_DETAIL_TEXT(minor) "." AIVP_DETAIL_TEXT(patch)

/// "major.minor.patch"
inline constexpr std::string_view version{
    AIVP_DETAIL_VERSION(AIVP_VERSION_MAJOR, AIVP_VERSION_MINOR, AIVP_VERSION_PATCH)};

#undef AIVP_DETAIL_VERSION
#undef AIVP_DETAIL_TEXT

} // namespace aivp
