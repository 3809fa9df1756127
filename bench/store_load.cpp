// SPDX-License-Identifier: MIT
// One object stored and loaded again: through an object_buffer, through a pipe, and by two memcpys through shared
// memory, which is the least that it can cost. In one process, so that nobody has to be woken.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "timing.hpp"

#include <process_shared/object_buffer.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <msgpack.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {
namespace {

template <std::size_t Size>
struct blob {
    unsigned char bytes[Size];
};

/// The compiler must assume that `memory` was read and written.
void touch(void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

/// Runs `operation` `times` times in a batch; nanoseconds of each.
template <class Operation>
contestant repeated(const std::string& series, int times, Operation operation) {
    return {series, [=] {
                const std::int64_t start = now();
                for (int i = 0; i < times; ++i) operation();
                return static_cast<double>(now() - start) / times;
            }};
}

template <std::size_t Size>
contestant through_buffer(int times) {
    const process_shared::object_buffer buffer(Size);
    const auto from = std::make_shared<blob<Size>>();
    const auto to = std::make_shared<blob<Size>>();
    return repeated("process_shared", times, [=] {
        touch(from.get());
        buffer.store(*from);
        buffer.load_into(*to);
        touch(to.get());
    });
}

template <std::size_t Size>
contestant through_buffer_packed(int times) {
    const process_shared::object_buffer buffer(Size + 16);
    const auto from = std::make_shared<std::vector<char>>(Size);
    const auto to = std::make_shared<std::vector<char>>();
    return repeated("process_shared_msgpack", times, [=] {
        touch(from->data());
        buffer.store(*from);
        buffer.load_into(*to);
        touch(to->data());
    });
}

template <std::size_t Size>
contestant by_memcpy(int times) {
    const auto between = std::make_shared<shared_by_fork<blob<Size>>>();
    const auto from = std::make_shared<blob<Size>>();
    const auto to = std::make_shared<blob<Size>>();
    return repeated("memcpy", times, [=] {
        touch(from.get());
        std::memcpy(&**between, from.get(), Size);
        touch(&**between);
        std::memcpy(to.get(), &**between, Size);
        touch(to.get());
    });
}

/// A pipe that one process both fills and empties: neither end blocks.
class looped_pipe {
public:
    explicit looped_pipe(std::size_t size) {
        if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) check(errno, "pipe2");
        fcntl(ends_[1], F_SETPIPE_SZ, size);  // its best case; where it is refused, the loop below copes
    }
    ~looped_pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    looped_pipe(const looped_pipe&) = delete;
    looped_pipe& operator=(const looped_pipe&) = delete;

    void carry(const char* from, char* to, std::size_t size) const {
        for (std::size_t sent = 0, got = 0; got < size;) {
            if (sent < size) sent += moved(write(ends_[1], from + sent, size - sent));
            got += moved(read(ends_[0], to + got, size - got));
        }
    }

private:
    static std::size_t moved(ssize_t count) {
        if (count < 0 && errno != EAGAIN && errno != EINTR) check(errno, "pipe");
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    int ends_[2];
};

template <std::size_t Size>
contestant through_pipe(int times) {
    struct state {
        looped_pipe pipe{Size};
        std::vector<char> from = std::vector<char>(Size);
        std::vector<char> to;
        msgpack::sbuffer packed;
        std::vector<char> received;
    };
    const auto all = std::make_shared<state>();
    return repeated("pipe_msgpack", times, [all] {
        touch(all->from.data());
        all->packed.clear();
        msgpack::pack(all->packed, all->from);
        all->received.resize(all->packed.size());
        all->pipe.carry(all->packed.data(), all->received.data(), all->packed.size());
        msgpack::unpack(all->received.data(), all->received.size()).get().convert(all->to);
        touch(all->to.data());
    });
}

template <std::size_t Size>
void add(std::vector<experiment>& to, int times, const options& how) {
    const std::string name = "object.store_load_" + std::to_string(Size);
    const bool is_large = Size >= 1024 * 1024;
    const auto measure = [=] {
        use_one_core(how.cores);
        samples result;
        for (const auto& [series, nanoseconds] :
             compare({through_buffer<Size>(times), through_buffer_packed<Size>(times), by_memcpy<Size>(times),
                      through_pipe<Size>(times)},
                     how.repetitions(is_large ? 200 : 500)))
            result[name][series].push_back(is_large ? nanoseconds / 1e3 : nanoseconds);
        return result;
    };
    to.push_back({{{name, is_large ? "us" : "ns"}}, {{"one program", measure}}, how.rounds * 3});
}

}  // namespace

void add_store_load(std::vector<experiment>& to, const options& how) {
    add<16>(to, 200, how);
    add<1024>(to, 200, how);
    add<1024 * 1024>(to, 2, how);
}

}  // namespace bench
