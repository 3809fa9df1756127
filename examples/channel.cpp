// SPDX-License-Identifier: MIT
// Jobs for worker processes, and what they answer: messages of any length. One worker is killed while it waits for a
// job; the others do its share.
#include <process_shared/byte_channel.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <span>
#include <string>

using process_shared::byte_channel;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Adds up the numbers that come, until no more can.
void work(byte_channel jobs, byte_channel answers) {
    long sum = 0;
    while (auto job = jobs.receive()) sum += std::stol(text_of(*job));
    answers.send(bytes_of(std::to_string(sum)));
}

int main() {
    byte_channel jobs(4096), answers(4096);  // inherited by the children

    const pid_t mortal = fork();
    if (mortal == 0) {
        work(jobs, answers);
        _exit(0);
    }
    while (jobs.waiting_receivers() == 0) usleep(1000);
    kill(mortal, SIGKILL);
    waitpid(mortal, nullptr, 0);

    for (int i = 0; i < 3; ++i)
        if (fork() == 0) {
            work(jobs, answers);
            _exit(0);
        }
    for (int number = 1; number <= 1000; ++number) jobs.send(bytes_of(std::to_string(number)));
    jobs.close();  // what is in it is still done

    long sum = 0;
    for (int i = 0; i < 3; ++i) sum += std::stol(text_of(*answers.receive()));
    while (wait(nullptr) > 0) {}
    std::printf("1000 jobs, one worker killed, and the sum is %ld\n", sum);
}
