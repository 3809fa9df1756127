// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/version.hpp>

#include <sched.h>
#include <sys/utsname.h>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>
#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

namespace bench {
namespace {

std::string cpuinfo(const std::string& field) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(field)) continue;
        const auto colon = line.find(": ");
        if (colon != std::string::npos) return line.substr(colon + 2);
    }
    return {};
}

std::string processor() {
    const std::string model = cpuinfo("model name");
    if (model.empty())
        return "unknown (implementer " + cpuinfo("CPU implementer") + ", part " + cpuinfo("CPU part") + ")";
    return fmt::format("{} (family {}, model {})", model, cpuinfo("cpu family"), cpuinfo("model\t"));
}

std::string compiler() {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

std::string libc() {
#if defined(__GLIBC__)
    return std::string("glibc ") + gnu_get_libc_version();
#else
    return "not glibc";
#endif
}

std::string kernel() {
    utsname name{};
    uname(&name);
    return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

bool is_virtual() {
    std::istringstream flags(cpuinfo("flags"));
    for (std::string flag; flags >> flag;) {
        if (flag == "hypervisor") return true;
    }
    return false;
}

}  // namespace

std::string load_average() {
    double loads[3] = {};
    if (getloadavg(loads, 3) != 3) return "unknown";
    return fmt::format("{:.2f} {:.2f} {:.2f}", loads[0], loads[1], loads[2]);
}

json describe_machine(const options& how) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    json facts;
    facts["cpu"] = processor();
    facts["cores"] = std::thread::hardware_concurrency();
    facts["cores_used"] = std::min(how.cores, CPU_COUNT(&allowed));
    facts["virtual"] = is_virtual();
    facts["kernel"] = kernel();
    facts["libc"] = libc();
    facts["compiler"] = compiler();
    facts["build"] = PSHARED_BENCH_BUILD;
    facts["process_shared"] = PSHARED_BENCH_VERSION;
    facts["boost"] = fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
    facts["date"] = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
    facts["load_average"] = load_average();
    facts["command"] = how.command;
    return facts;
}

std::vector<std::string> doubts() {
    std::vector<std::string> found;
#if !defined(__OPTIMIZE__)
    found.emplace_back("built without optimization: these numbers say nothing");
#endif
    double load = 0;
    if (getloadavg(&load, 1) == 1 && load > 0.5) {
        found.push_back(fmt::format("the machine is not quiet (load average {:.2f}): expect noise", load));
    }
    return found;
}

}  // namespace bench
