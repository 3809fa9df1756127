// SPDX-License-Identifier: MIT
// Everything.
#pragma once

#include <process_shared/barrier.hpp>
#include <process_shared/byte_channel.hpp>
#include <process_shared/checked_mutex.hpp>
#include <process_shared/condition_variable.hpp>
#include <process_shared/error.hpp>
#include <process_shared/event.hpp>
#include <process_shared/latch.hpp>
#include <process_shared/monitor.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/object_buffer.hpp>
#include <process_shared/once.hpp>
#include <process_shared/owned_semaphore.hpp>
#include <process_shared/participant.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>
#include <process_shared/semaphore.hpp>
#include <process_shared/shared_array.hpp>
#include <process_shared/shared_memory.hpp>
#include <process_shared/shared_mutex.hpp>
