# Generates build_info.h for provenance: compiler, flags and versions as constants. The commit and the
# uncommitted difference are read at run time from the source tree, which this file names.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type_upper)
get_target_property(halfulp_options halfulp_flags INTERFACE_COMPILE_OPTIONS)
string(REPLACE ";" " " halfulp_options "${halfulp_options}")
string(REGEX REPLACE "\\$<[^ ]*>" "" halfulp_options "${halfulp_options}")
set(HALFULP_COMPILE_FLAGS "-std=c++20 ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type_upper}} ${halfulp_options}")
set(HALFULP_HIGHWAY_VERSION "${HWY_VERSION}${hwy_VERSION}")  # whichever of CMake and pkg-config found it
configure_file(${CMAKE_CURRENT_LIST_DIR}/build_info.h.in ${CMAKE_BINARY_DIR}/generated/build_info.h @ONLY)
target_include_directories(halfulp_experiments PRIVATE ${CMAKE_BINARY_DIR}/generated)
