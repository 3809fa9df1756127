// SPDX-License-Identifier: MIT
#include "contract/places.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace contract {
namespace {

std::system_error last_error(const char* what) { return {errno, std::generic_category(), what}; }

std::string mount_privately(const std::string& where, std::size_t bytes) {
    const std::string options = "size=" + std::to_string(bytes) + ",mode=0700";
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        mount("tmpfs", where.c_str(), "tmpfs", 0, options.c_str()) == 0)
        return {};
    return std::string("mounting a tmpfs needs root: ") + std::generic_category().message(errno);
}

}  // namespace

scratch_directory::scratch_directory() : path_("/dev/shm/process_shared_test_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw last_error("mkdtemp");
}

scratch_directory::~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

tiny_file_system::tiny_file_system(std::size_t bytes) : why_not_(mount_privately(path(), bytes)) {}

tiny_file_system::~tiny_file_system() {
    if (mounted()) umount2(path().c_str(), MNT_DETACH);
}

}  // namespace contract
