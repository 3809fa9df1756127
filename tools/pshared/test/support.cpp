// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <fcntl.h>
#include <regex.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace pshared::test {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct close_file {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using scratch = std::unique_ptr<std::FILE, close_file>;

scratch make_scratch() {
    scratch made(std::tmpfile());
    if (!made) fail("tmpfile");
    return made;
}

std::string read_all(int from) {
    std::string result;
    std::array<char, 4096> some;
    for (;;) {
        const ssize_t got = read(from, some.data(), some.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return result;  // a terminal ends with EIO
        result.append(some.data(), static_cast<std::size_t>(got));
    }
}

std::string contents_of(const scratch& file) {
    if (lseek(fileno(file.get()), 0, SEEK_SET) != 0) fail("lseek");
    return read_all(fileno(file.get()));
}

/// Starts the command with these as standard output and error.
pid_t start(const words& arguments, const words& environment, int out, int err) {
    std::vector<char*> argv = {const_cast<char*>("pshared")};
    for (const auto& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
    argv.push_back(nullptr);

    const pid_t started = fork();
    if (started < 0) fail("fork");
    if (started > 0) return started;
    for (const auto& each : environment) putenv(const_cast<char*>(each.c_str()));
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(PSHARED_COMMAND, argv.data());
    _exit(127);
}

int status_of(pid_t started) {
    int status = 0;
    while (waitpid(started, &status, 0) < 0)
        if (errno != EINTR) fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

outcome run(const words& arguments, const words& environment) {
    const auto out = make_scratch(), err = make_scratch();
    outcome result;
    result.status = status_of(start(arguments, environment, fileno(out.get()), fileno(err.get())));
    result.out = contents_of(out);
    result.err = contents_of(err);
    return result;
}

bool has_terminals() {
    const int shown = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (shown >= 0) close(shown);
    return shown >= 0;
}

outcome run_on_terminal(const words& arguments, const words& environment) {
    const int shown = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (shown < 0 || grantpt(shown) != 0 || unlockpt(shown) != 0) fail("posix_openpt");
    const int terminal = open(ptsname(shown), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) fail("ptsname");

    const auto err = make_scratch();
    outcome result;
    const pid_t started = start(arguments, environment, terminal, fileno(err.get()));
    close(terminal);
    result.out = read_all(shown);
    close(shown);
    result.status = status_of(started);
    result.err = contents_of(err);
    return result;
}

outcome run_into(const std::string& file, const words& arguments) {
    const int out = open(file.c_str(), O_WRONLY | O_CLOEXEC);
    if (out < 0) fail("open");
    const auto err = make_scratch();
    outcome result;
    result.status = status_of(start(arguments, {}, out, fileno(err.get())));
    close(out);
    result.err = contents_of(err);
    return result;
}

words found(const std::string& text, const std::string& expression) {
    regex_t compiled;
    if (regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NEWLINE) != 0) throw std::runtime_error(expression);
    std::array<regmatch_t, 4> groups;
    words result;
    if (regexec(&compiled, text.c_str(), groups.size(), groups.data(), 0) == 0)
        for (const regmatch_t& group : groups)
            if (group.rm_so >= 0)
                result.push_back(text.substr(static_cast<std::size_t>(group.rm_so),
                                             static_cast<std::size_t>(group.rm_eo - group.rm_so)));
    regfree(&compiled);
    return result;
}

command_test::command_test() {
    std::string pattern = "/dev/shm/pshared-test-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) fail("mkdtemp");
    where.directory = pattern;
}

command_test::~command_test() {
    std::error_code ignored;
    std::filesystem::remove_all(where.directory, ignored);
}

outcome command_test::pshared(words arguments) const {
    arguments.insert(arguments.end(), {"--directory", where.directory});
    return run(arguments);
}

nlohmann::json command_test::json_of(const words& arguments) const {
    const auto result = pshared(arguments);
    if (result.status != 0) throw std::runtime_error(result.err);
    return nlohmann::json::parse(result.out);
}

void command_test::write_file(const std::string& name, const std::string& text) const {
    std::ofstream(path_of(name)) << text;
}

bool command_test::exists(const std::string& name) const { return std::filesystem::exists(path_of(name)); }
std::string command_test::path_of(const std::string& name) const { return where.directory + "/pshared." + name; }

}  // namespace pshared::test
