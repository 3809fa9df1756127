# SPDX-License-Identifier: MIT
# What users get: the library shared and static, its headers, and how CMake and pkg-config find them.
# (The command and its man page: tools/pshared.)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/process_shared)

# Known to users as process_shared::process_shared and process_shared::static, as inside this build.
set_target_properties(process_shared_static PROPERTIES EXPORT_NAME static)
install(TARGETS process_shared EXPORT process_shared-targets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS process_shared_static EXPORT process_shared-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/process_shared DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT development FILES_MATCHING PATTERN *.hpp PATTERN *.h PATTERN *.def)

install(EXPORT process_shared-targets NAMESPACE process_shared:: DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/process_shared-config.cmake.in
    ${PROJECT_BINARY_DIR}/process_shared-config.cmake INSTALL_DESTINATION ${package_folder})
# Before 1.0 each minor version may break the last.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/process_shared-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/process_shared-config.cmake ${PROJECT_BINARY_DIR}/process_shared-config-version.cmake
    DESTINATION ${package_folder} COMPONENT development)

# Paths in the .pc file start at its own place, so an installed tree can be moved; absolute ones are kept.
foreach(which INCLUDEDIR LIBDIR)
    if(IS_ABSOLUTE ${CMAKE_INSTALL_${which}})
        set(pc_${which} ${CMAKE_INSTALL_${which}})
    else()
        set(pc_${which} "\${prefix}/${CMAKE_INSTALL_${which}}")
    endif()
endforeach()
# A program in C that links statically has to be told of the library of C++.
set(pc_cxx "")
foreach(library stdc++ c++)
    if(library IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
        set(pc_cxx "-l${library}")
    endif()
endforeach()
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
    file(RELATIVE_PATH upwards /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" upwards ${upwards})
    set(pc_prefix "\${pcfiledir}/${upwards}")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/process_shared.pc.in ${PROJECT_BINARY_DIR}/process_shared.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/process_shared.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
