// SPDX-License-Identifier: MIT
// memory.hpp on Linux: memfd, and files on a tmpfs that get their name when they are complete.
#include "platform/memory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace process_shared::platform {
namespace {

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

/// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call&& call) noexcept {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

std::string joined(const std::string& directory, const std::string& name) { return directory + '/' + name; }

struct own_path {
    char text[32];
    explicit own_path(file what) noexcept { std::snprintf(text, sizeof text, "/proc/self/fd/%d", what); }
};

// Where there are no unnamed files, an unpublished one has a name of its own, which no segment can have, and is locked
// while its creator lives. A creator that dies leaves it behind; the next one takes it away.
constexpr std::string_view temporary_prefix = ".pshared-new.";

void remove_stale_temporaries(const std::string& directory) {
    std::vector<std::string> names;
    if (list(directory, names)) return;
    for (const std::string& name : names) {
        if (!name.starts_with(temporary_prefix)) continue;
        const file stale = ::open(joined(directory, name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (stale < 0) continue;
        if (flock(stale, LOCK_EX | LOCK_NB) == 0) unlink(joined(directory, name).c_str());
        close(stale);
    }
}

file create_temporary(const std::string& directory) noexcept {
    remove_stale_temporaries(directory);
    std::array<std::uint8_t, 8> random{};
    random_bytes(random);
    std::string path = joined(directory, std::string(temporary_prefix));
    for (const std::uint8_t byte : random) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        path += digits;
    }
    const file made =
        uninterrupted([&] { return ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600); });
    if (made >= 0) flock(made, LOCK_EX | LOCK_NB);
    return made;
}

/// The temporary name goes when the file has its real one, or is given up.
void remove_temporary_name(file what) noexcept {
    char path[4096];
    const ssize_t length = readlink(own_path(what).text, path, sizeof path - 1);
    if (length <= 0) return;
    const std::string_view full(path, static_cast<std::size_t>(length));
    const std::size_t slash = full.rfind('/');
    if (slash == std::string_view::npos || !full.substr(slash + 1).starts_with(temporary_prefix)) return;
    path[length] = '\0';
    unlink(path);
}

}  // namespace

std::error_code create_anonymous(file& made) noexcept {
    made = memfd_create("process_shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return made < 0 ? last_error() : std::error_code();
}

std::error_code create_unpublished(const std::string& directory, std::uint32_t mode, file& made) noexcept {
    made = uninterrupted([&] { return ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); });
    // What kernels say on file systems that have no unnamed files.
    if (made < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) made = create_temporary(directory);
    if (made < 0) return last_error();
    // Not through open's mode, which the umask would narrow.
    if (fchmod(made, mode) == 0) return {};
    const auto error = last_error();
    close(made);
    made = no_file;
    return error;
}

std::error_code publish(file what, const std::string& directory, const std::string& name) noexcept {
    const std::string path = joined(directory, name);
    // Through /proc, or, where that is missing, by the descriptor itself, which older kernels only allow to root.
    const bool linked = linkat(AT_FDCWD, own_path(what).text, AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0 ||
                        (errno != EEXIST && linkat(what, "", AT_FDCWD, path.c_str(), AT_EMPTY_PATH) == 0);
    const auto error = linked ? std::error_code() : last_error();
    remove_temporary_name(what);
    return error;
}

std::error_code reserve(file what, std::uint64_t size) noexcept {
    // ftruncate would succeed beyond what the tmpfs has, and the first touch would be a SIGBUS.
    for (;;) {
        const int error = posix_fallocate(what, 0, static_cast<off_t>(size));
        if (error == 0) return {};
        if (error != EINTR) return {error, std::generic_category()};
    }
}

std::error_code seal_against_shrinking(file what) noexcept {
    return fcntl(what, F_ADD_SEALS, F_SEAL_SHRINK) == 0 ? std::error_code() : last_error();
}

std::error_code open(const std::string& directory, const std::string& name, file& opened) noexcept {
    const std::string path = joined(directory, name);
    // O_NONBLOCK: a fifo of that name must not make us wait for its other end.
    opened = uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); });
    return opened < 0 ? last_error() : std::error_code();
}

std::error_code duplicate(file what, file& copy) noexcept {
    copy = fcntl(what, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? last_error() : std::error_code();
}

void close(file what) noexcept {
    if (what >= 0) ::close(what);
}

std::error_code facts(file what, file_facts& result) noexcept {
    struct stat status{};
    if (fstat(what, &status) != 0) return last_error();
    result = {{status.st_dev, status.st_ino},
              status.st_size > 0 ? static_cast<std::uint64_t>(status.st_size) : 0,
              S_ISREG(status.st_mode),
              status.st_uid == geteuid()};
    return {};
}

std::error_code remove(const std::string& directory, const std::string& name) noexcept {
    return unlink(joined(directory, name).c_str()) == 0 ? std::error_code() : last_error();
}

std::error_code list(const std::string& directory, std::vector<std::string>& names) {
    DIR* open_directory = opendir(directory.c_str());
    if (open_directory == nullptr) return last_error();
    while (const dirent* found = readdir(open_directory)) names.emplace_back(found->d_name);
    closedir(open_directory);
    return {};
}

const char* default_directory() noexcept { return "/dev/shm"; }

std::error_code map(file what, std::size_t size, mapping& result) noexcept {
    void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, what, 0);
    if (base == MAP_FAILED) return last_error();
    result = {static_cast<std::byte*>(base), size};
    return {};
}

std::error_code map_inherited(std::size_t size, mapping& result) noexcept {
    void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return last_error();
    result = {static_cast<std::byte*>(base), size};
    return {};
}

void unmap(std::byte* base, std::size_t size) noexcept { munmap(base, size); }

void unmap_keeping_addresses(std::byte* base, std::size_t size) noexcept {
    mmap(base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

std::error_code map_at(std::byte* base, file what, std::uint64_t offset, std::size_t size) noexcept {
    void* mapped = mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, what,
                        static_cast<off_t>(offset));
    return mapped == MAP_FAILED ? last_error() : std::error_code();
}

std::size_t page_size() noexcept { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

byte_lock::~byte_lock() {
    if (own_ < 0) return;
    // Unlocked first: a child forked meanwhile has the description, too, and closing ours would leave it locked.
    struct flock lock{};
    lock.l_type = F_UNLCK;
    lock.l_whence = SEEK_SET;
    fcntl(own_, F_OFD_SETLK, &lock);
    close(own_);
}

byte_lock::result byte_lock::try_lock(file what, const file_id& which, std::uint64_t byte) noexcept {
    file_facts now;
    // The program may have closed every descriptor it did not know, and opened others under the same numbers.
    if (what < 0 || facts(what, now) || !(now.id == which)) return result::impossible;
    // A description of its own: an inherited one would let a forked child share the lock. Through /proc: a memfd
    // and a removed file have no other name.
    own_ = uninterrupted([&] { return ::open(own_path(what).text, O_RDWR | O_CLOEXEC); });
    if (own_ < 0) return result::impossible;
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(byte);
    lock.l_len = 1;
    if (fcntl(own_, F_OFD_SETLK, &lock) == 0) return result::locked;
    return errno == EAGAIN || errno == EACCES ? result::taken : result::impossible;
}

void random_bytes(std::span<std::uint8_t> target) noexcept {
    std::size_t filled = 0;
    while (filled < target.size()) {
        const ssize_t got = getrandom(target.data() + filled, target.size() - filled, 0);
        if (got > 0)
            filled += static_cast<std::size_t>(got);
        else if (errno != EINTR)
            break;
    }
}

namespace {

std::array<std::uint8_t, 16> read_boot_id() noexcept {
    std::array<std::uint8_t, 16> id{};
    const file source = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (source < 0) return id;
    char text[64] = {};
    const ssize_t length = ::read(source, text, sizeof text - 1);
    close(source);
    unsigned digits = 0;
    for (ssize_t i = 0; i < length && digits < 32; ++i) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) continue;
        auto& byte = id[digits / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | digit);
        ++digits;
    }
    return id;
}

}  // namespace

std::array<std::uint8_t, 16> boot_id() noexcept {
    // Read once: it costs more than all the rest of opening a segment. Two threads may both read it, and agree.
    static constinit std::atomic<std::uint64_t> known[2]{};
    static constinit std::atomic<bool> read{false};
    std::array<std::uint8_t, 16> id{};
    std::uint64_t halves[2];
    if (!read.load(std::memory_order_acquire)) {  // pairs with the release below
        id = read_boot_id();
        std::memcpy(halves, id.data(), sizeof halves);
        for (int i = 0; i < 2; ++i) known[i].store(halves[i], std::memory_order_relaxed);  // relaxed: published next
        read.store(true, std::memory_order_release);
        return id;
    }
    for (int i = 0; i < 2; ++i) halves[i] = known[i].load(std::memory_order_relaxed);  // relaxed: behind the acquire
    std::memcpy(id.data(), halves, sizeof halves);
    return id;
}

}  // namespace process_shared::platform
