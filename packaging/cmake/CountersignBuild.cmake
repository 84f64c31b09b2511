# How every part of Countersign is compiled, and what a room is to CMake.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

option(COUNTERSIGN_BATCHES "Compile the files of a target several at a time: much less work for builds whose objects nobody ships" OFF)
option(COUNTERSIGN_PCH "Precompile the headers that every file includes" ON)
find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness is what ccache needs to cache anything that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE}")
endif()

add_library(countersign_flags INTERFACE)
target_compile_options(countersign_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<CXX_COMPILER_ID:GNU>:-Werror>
  -fstack-protector-strong -fno-strict-overflow -fPIE)
target_compile_definitions(countersign_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE OPENSSL_API_COMPAT=30000 OPENSSL_NO_DEPRECATED
  SPDLOG_FMT_EXTERNAL)
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_options(countersign_flags INTERFACE -fstack-clash-protection -fcf-protection)
  target_compile_definitions(countersign_flags INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_link_options(countersign_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside Boost and libstdc++ templates once coroutines or sanitizers are involved.
  target_compile_options(countersign_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-mismatched-new-delete)
endif()
if(COUNTERSIGN_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Asio's handlers contain a fence, which ThreadSanitizer does not model; the locks around it are enough.
  target_compile_options(countersign_flags INTERFACE -Wno-tsan)
endif()
if(COUNTERSIGN_SANITIZE)
  target_compile_options(countersign_flags INTERFACE -fsanitize=${COUNTERSIGN_SANITIZE} -fno-omit-frame-pointer)
  if(COUNTERSIGN_SANITIZE MATCHES "undefined")
    # The vptr check wants the type information of SOCI's classes, which its shared library keeps to itself.
    target_compile_options(countersign_flags INTERFACE -fno-sanitize=vptr)
  endif()
  target_link_options(countersign_flags INTERFACE -fsanitize=${COUNTERSIGN_SANITIZE})
endif()
target_link_options(countersign_flags INTERFACE -pie)
target_include_directories(countersign_flags INTERFACE "${CMAKE_SOURCE_DIR}/include")
target_link_libraries(countersign_flags INTERFACE Threads::Threads)

# Third-party libraries by room; a room sees only those named here.
set(COUNTERSIGN_LIBS_async Threads::Threads)
set(COUNTERSIGN_LIBS_core nlohmann_json::nlohmann_json)
set(COUNTERSIGN_LIBS_net CURL::libcurl)
set(COUNTERSIGN_LIBS_crypto OpenSSL::Crypto)
set(COUNTERSIGN_LIBS_keys OpenSSL::Crypto PkgConfig::P11KIT)
set(COUNTERSIGN_LIBS_store soci_core soci_sqlite3 soci_postgresql sqlite3 PkgConfig::LIBPQ Threads::Threads)
set(COUNTERSIGN_LIBS_audit nlohmann_json::nlohmann_json)
set(COUNTERSIGN_LIBS_ca nlohmann_json::nlohmann_json pugixml::pugixml)
set(COUNTERSIGN_LIBS_notify nlohmann_json::nlohmann_json Threads::Threads)
set(COUNTERSIGN_LIBS_intune nlohmann_json::nlohmann_json)
set(COUNTERSIGN_LIBS_hook nlohmann_json::nlohmann_json Threads::Threads)
set(COUNTERSIGN_LIBS_ra nlohmann_json::nlohmann_json Threads::Threads)
set(COUNTERSIGN_LIBS_http OpenSSL::SSL Threads::Threads)
set(COUNTERSIGN_LIBS_admin crypt nlohmann_json::nlohmann_json PkgConfig::GSSAPI PkgConfig::PROMETHEUS)
set(COUNTERSIGN_LIBS_app pugixml::pugixml spdlog::spdlog fmt nlohmann_json::nlohmann_json PkgConfig::SYSTEMD)

# What nearly every file includes anyway, parsed once for all the rooms, and once, with the test library's, for all tests.
set(COUNTERSIGN_COMMON_HEADERS
  <algorithm> <chrono> <filesystem> <functional> <map> <memory> <mutex> <optional> <span> <sstream> <string> <string_view>
  <variant> <vector>
  <boost/system/result.hpp>)

# countersign_headers(NAME headers...): NAME offers the common headers and these, precompiled, to countersign_precompile.
function(countersign_headers name)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/${name}.cpp" CONTENT "// Carries the precompiled headers.\n")
  add_library(${name} OBJECT "${CMAKE_BINARY_DIR}/${name}.cpp")
  target_link_libraries(${name} PRIVATE countersign_flags)
  target_precompile_headers(${name} PRIVATE ${COUNTERSIGN_COMMON_HEADERS} ${ARGN})
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

function(countersign_precompile target headers)
  if(COUNTERSIGN_PCH)
    target_precompile_headers(${target} REUSE_FROM ${headers})
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  endif()
endfunction()

if(COUNTERSIGN_PCH)
  countersign_headers(countersign_common_headers)
  countersign_headers(countersign_app_headers <CLI/CLI.hpp> <nlohmann/json.hpp>)
endif()

# Files that want a compilation of their own: macros or diagnostics before their includes, and names that are good ones in
# each of several files (the statements of the store's tables, the callers of a REST service, the steps of the probe).
set(COUNTERSIGN_ALONE keys/oaep.cpp store/sql_[a-z_]+.cpp ca/rest/[a-z]+.cpp app/probe/[a-z_]+.cpp)
list(JOIN COUNTERSIGN_ALONE "|" COUNTERSIGN_ALONE)

function(countersign_batch target)
  if(COUNTERSIGN_BATCHES)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # A batch includes its files: g++ takes them for headers, whose types others might see, and one file's names are
    # there for the next one's to shadow. Builds without batches warn of what is really so.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage> -Wno-shadow)
    get_target_property(sources ${target} SOURCES)
    foreach(source IN LISTS sources)
      if(source MATCHES "/(${COUNTERSIGN_ALONE})$")
        set_source_files_properties("${source}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endif()
endfunction()

# countersign_room(NAME DEPENDS ...): the static library of src/NAME.
function(countersign_room room)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${room}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/app/countersignd?\\.cpp$")
  if(NOT sources)
    return()
  endif()
  add_library(countersign_${room} STATIC ${sources})
  target_include_directories(countersign_${room} PRIVATE "${CMAKE_SOURCE_DIR}/src/${room}")
  set(headers countersign_common_headers)
  if(room STREQUAL "app")
    set(headers countersign_app_headers)
  endif()
  countersign_precompile(countersign_${room} ${headers})
  countersign_batch(countersign_${room})
  target_link_libraries(countersign_${room} PRIVATE countersign_flags ${COUNTERSIGN_LIBS_${room}})
  foreach(dependency IN LISTS ARG_DEPENDS)
    if(TARGET countersign_${dependency})
      target_link_libraries(countersign_${room} PRIVATE countersign_${dependency})
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY COUNTERSIGN_ROOMS countersign_${room})
endfunction()

function(countersign_program program main)
  if(NOT EXISTS "${CMAKE_SOURCE_DIR}/${main}")
    return()
  endif()
  get_property(rooms GLOBAL PROPERTY COUNTERSIGN_ROOMS)
  add_executable(${program} ${main})
  target_compile_definitions(${program} PRIVATE COUNTERSIGN_VERSION="${PROJECT_VERSION}")
  target_include_directories(${program} PRIVATE "${CMAKE_SOURCE_DIR}/src/app")
  target_link_libraries(${program} PRIVATE countersign_flags ${rooms})
endfunction()
