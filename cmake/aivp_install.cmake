# Install rules: <prefix>/include/aivp/... for the engine, <prefix>/include/aivp-kit/{sim,mocks,runtime}/... for the hosts'
# own headers, static libraries, and a configuration for find_package(aivp 0.1 CONFIG).
include(CMakePackageConfigHelpers)

get_property(aivp_modules GLOBAL PROPERTY AIVP_MODULES)
get_property(aivp_externals GLOBAL PROPERTY AIVP_EXTERNALS)
list(REMOVE_DUPLICATES aivp_externals)

foreach(module IN LISTS aivp_modules)
    get_target_property(sets aivp_${module} INTERFACE_HEADER_SETS)
    set(file_sets "")
    if("HEADERS" IN_LIST sets)
        list(APPEND file_sets FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
    endif()
    if("tables" IN_LIST sets)
        list(APPEND file_sets FILE_SET tables DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
    endif()
    if("own" IN_LIST sets)
        list(APPEND file_sets FILE_SET own DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/aivp-kit COMPONENT dev)
    endif()
    install(TARGETS aivp_${module} EXPORT aivp-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
        ${file_sets})
endforeach()

# The packages behind the external targets that the modules link.
set(AIVP_FIND_DEPENDENCIES "")
foreach(package_and_targets
        "fmt|fmt::fmt" "OpenSSL COMPONENTS Crypto SSL|OpenSSL::Crypto,OpenSSL::SSL" "nlohmann_json|nlohmann_json::nlohmann_json"
        "yaml-cpp|yaml-cpp" "date|date::date,date::date-tz" "re2|re2::re2" "ZLIB|ZLIB::ZLIB"
        "SQLite3|SQLite::SQLite3" "Boost 1.81 COMPONENTS program_options|Boost::program_options,Boost::headers")
    string(REPLACE "|" ";" parts "${package_and_targets}")
    list(GET parts 0 package)
    list(GET parts 1 targets)
    string(REPLACE "," ";" targets "${targets}")
    foreach(target IN LISTS targets)
        if(target IN_LIST aivp_externals)
            string(APPEND AIVP_FIND_DEPENDENCIES "find_dependency(${package})\n")
            break()
        endif()
    endforeach()
endforeach()

set(aivp_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/aivp)
install(EXPORT aivp-targets NAMESPACE aivp:: DESTINATION ${aivp_config_dir} COMPONENT dev)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/aivp-config.cmake.in ${PROJECT_BINARY_DIR}/aivp-config.cmake
    INSTALL_DESTINATION ${aivp_config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/aivp-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/aivp-config.cmake ${PROJECT_BINARY_DIR}/aivp-config-version.cmake
        ${PROJECT_SOURCE_DIR}/cmake/Findre2.cmake
    DESTINATION ${aivp_config_dir} COMPONENT dev)
