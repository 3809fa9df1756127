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
