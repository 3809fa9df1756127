#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compiles the stranger's program with nothing but a compiler and pkg-config, every warning an error, and runs it.
#   pkg_config.sh shared|static COMPILER LIBDIR SOURCE FOLDER
set -euo pipefail
kind=$1 compiler=$2 libdir=$3 source=$4 program=$5/pkg_config_$1
export PKG_CONFIG_PATH=$libdir/pkgconfig

options=(process_shared)
[[ $kind == shared ]] || options+=(--static)
read -ra compile <<<"$(pkg-config --cflags "${options[@]}")"
read -ra link <<<"$(pkg-config --libs "${options[@]}")"
# Where both libraries are installed, the linker takes the shared one unless told otherwise.
[[ $kind == shared ]] || link=(-Wl,-Bstatic "${link[@]}" -Wl,-Bdynamic)

"$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Werror \
    "${compile[@]}" "$source" -o "$program" "${link[@]}"

needed=$(ldd "$program")
if [[ $kind == shared ]]; then
    [[ $needed == *libprocess_shared.so* ]]
    export LD_LIBRARY_PATH=$libdir
elif [[ $needed == *libprocess_shared.so* ]]; then
    echo "linked statically, it still needs the shared library" >&2
    exit 1
fi
timeout 60 "$program"
