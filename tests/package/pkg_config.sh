#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compiles a stranger's program, in C++ or C, with nothing but a compiler and pkg-config, every warning an error, and
# runs it.
#   pkg_config.sh shared|static COMPILER LIBDIR SOURCE FOLDER
set -euo pipefail
kind=$1 compiler=$2 libdir=$3 source=$4 program=$5/pkg_config_$1_${4##*.}
language=(-std=c++20 -Wold-style-cast)
[[ $source != *.c ]] || language=(-std=c11 -D_DEFAULT_SOURCE)
export PKG_CONFIG_PATH=$libdir/pkgconfig

options=(process_shared)
[[ $kind == shared ]] || options+=(--static)
read -ra compile <<<"$(pkg-config --cflags "${options[@]}")"
read -ra link <<<"$(pkg-config --libs "${options[@]}")"
# Where both libraries are installed, the linker takes the shared one unless told otherwise.
[[ $kind == shared ]] || link=("${link[@]/#-lprocess_shared/-l:libprocess_shared.a}")

"$compiler" "${language[@]}" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror "${compile[@]}" \
    "$source" -o "$program" "${link[@]}"

needed=$(ldd "$program")
if [[ $kind == shared ]]; then
    [[ $needed == *libprocess_shared.so* ]]
    export LD_LIBRARY_PATH=$libdir
elif [[ $needed == *libprocess_shared.so* ]]; then
    echo "linked statically, it still needs the shared library" >&2
    exit 1
fi
timeout 60 "$program"
