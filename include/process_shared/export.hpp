// SPDX-License-Identifier: MIT
// Which symbols leave the library: those marked PROCESS_SHARED_API, nothing else.
#pragma once

#if defined(PROCESS_SHARED_STATIC)
#define PROCESS_SHARED_API
#elif defined(_WIN32) && defined(PROCESS_SHARED_BUILDING)
#define PROCESS_SHARED_API __declspec(dllexport)
#elif defined(_WIN32)
#define PROCESS_SHARED_API __declspec(dllimport)
#else
#define PROCESS_SHARED_API __attribute__((visibility("default")))
#endif

// For the few functions of the fast path: the caller loads the address itself instead of jumping through a stub.
#if defined(__has_attribute)
#if __has_attribute(noplt)
#define PROCESS_SHARED_DIRECT __attribute__((noplt))
#endif
#endif
#ifndef PROCESS_SHARED_DIRECT
#define PROCESS_SHARED_DIRECT
#endif
