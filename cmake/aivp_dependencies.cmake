# What the project links. Versions are those of Debian 12; `ci/setup` installs the packages.
# The targets: fmt::fmt  OpenSSL::Crypto  OpenSSL::SSL  nlohmann_json::nlohmann_json  yaml-cpp  date::date  date::date-tz  re2::re2
#              ZLIB::ZLIB  SQLite::SQLite3  Boost::program_options  Boost::unit_test_framework
#              rapidcheck  rapidcheck_boost_test

find_package(fmt 9 REQUIRED CONFIG)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto SSL)
find_package(nlohmann_json 3.11 REQUIRED CONFIG)
find_package(yaml-cpp 0.7 REQUIRED CONFIG)
find_package(date 3 REQUIRED CONFIG)
find_package(re2 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS program_options)
if(AIVP_BUILD_TESTS)
    find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS unit_test_framework)
    find_package(rapidcheck REQUIRED CONFIG)
else()
    find_package(Boost 1.81 QUIET CONFIG OPTIONAL_COMPONENTS unit_test_framework)
    find_package(rapidcheck QUIET CONFIG)
endif()
