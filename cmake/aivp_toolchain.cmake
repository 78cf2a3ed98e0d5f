# Language level, warnings, compiler cache and linker. Flags travel in one INTERFACE target, `aivp_flags`.

if(PROJECT_IS_TOP_LEVEL)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set(CMAKE_BUILD_TYPE Debug CACHE STRING "Build type" FORCE)
    endif()
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
    # Full -g doubles the objects and costs a tenth of the time; line tables and frames are what a backtrace needs.
    string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
    string(REPLACE "-g11" "-g1" CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")

    find_program(AIVP_CCACHE ccache)
    if(AIVP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
        # Hits across build folders need paths relative to a common root.
        string(FIND "${PROJECT_BINARY_DIR}/" "${PROJECT_SOURCE_DIR}/" aivp_build_inside)
        if(aivp_build_inside EQUAL 0)
            set(aivp_ccache_root "${PROJECT_SOURCE_DIR}")
        else()
            cmake_path(GET PROJECT_SOURCE_DIR PARENT_PATH aivp_ccache_root)
        endif()
        set(CMAKE_CXX_COMPILER_LAUNCHER
            ${CMAKE_COMMAND} -E env "CCACHE_BASEDIR=${aivp_ccache_root}" CCACHE_NOHASHDIR=1 ${AIVP_CCACHE})
    endif()

    find_program(AIVP_MOLD mold)
    find_program(AIVP_LLD NAMES ld.lld-19)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND AIVP_LLD)
        add_link_options(-fuse-ld=lld)
    elseif(AIVP_MOLD)
        add_link_options(-fuse-ld=mold)
    endif()
endif()

add_library(aivp_flags INTERFACE)
target_compile_features(aivp_flags INTERFACE cxx_std_23)
target_compile_options(aivp_flags INTERFACE
    -Wall -Wextra -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    # Designated initialisers name what differs; the rest is the member's default.
    -Wno-missing-field-initializers
    $<$<BOOL:${AIVP_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A name may hide a name of a wider scope (a member named like a type), never another local one.
    target_compile_options(aivp_flags INTERFACE -Wshadow=local)
    # In a unity unit every file counts as a header, so a private class may seem to leak its file's anonymous types.
    target_compile_options(aivp_flags INTERFACE -Wno-subobject-linkage)
    # These three report std::string and std::variant of libstdc++ 12 itself under -O2 and sanitizers.
    target_compile_options(aivp_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow)
else()
    # libstdc++ 12's own std::stable_sort uses a function it has deprecated.
    target_compile_options(aivp_flags INTERFACE -Wshadow -Wno-deprecated-declarations)
endif()
