# SPDX-License-Identifier: MIT
# How every target of this project is compiled.
add_library(process_shared_build_options INTERFACE)
target_compile_features(process_shared_build_options INTERFACE cxx_std_20)
target_compile_options(process_shared_build_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast> $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
option(PROCESS_SHARED_WERROR "Warnings are errors" OFF)
if(PROCESS_SHARED_WERROR)
    target_compile_options(process_shared_build_options INTERFACE -Werror)
endif()
if(PROCESS_SHARED_SANITIZE)
    target_compile_options(process_shared_build_options INTERFACE
        -fsanitize=${PROCESS_SHARED_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    if(PROCESS_SHARED_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # It knows no fences and says so at each. What they order is checked by the models, not by it.
        target_compile_options(process_shared_build_options INTERFACE -Wno-tsan)
    endif()
    target_link_options(process_shared_build_options INTERFACE -fsanitize=${PROCESS_SHARED_SANITIZE})
endif()
