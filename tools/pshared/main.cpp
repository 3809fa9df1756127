// SPDX-License-Identifier: MIT
// The command line of pshared. CLI11 compiles slowly: it stays in this file.
#include "commands.hpp"
#include "failure.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace {

constexpr int failed = 1;
constexpr int misused = 2;

struct arguments {
    std::string program;
    std::string name;
    std::vector<std::string> names;
    process_shared::segment_options where;
    bool json = false;
    bool watch = false;

    [[nodiscard]] pshared::output form() const { return json ? pshared::output::json : pshared::output::table; }
};

/// Describes the commands; each stores what it would do in `job`.
void describe(CLI::App& app, arguments& given, std::function<int()>& job) {
    app.set_version_flag("--version", "pshared " PSHARED_VERSION);
    app.require_subcommand(0, 1);  // none is complained about in main: CLI11 would call a misspelt one missing
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.failure_message([](const CLI::App* whole, const CLI::Error& error) {
        const auto used = whole->get_subcommands();
        const std::string command = used.empty() ? "pshared" : "pshared " + used.front()->get_name();
        return "pshared: " + std::string(error.what()) + "\npshared: try '" + command + " --help'\n";
    });
    const auto directory = [&](CLI::App* command) {
        command->add_option("--directory", given.where.directory, "Where the segments live (default /dev/shm)")
            ->type_name("DIR")
            ->check(CLI::Validator(CLI::ExistingDirectory).description(""));
    };
    const auto json = [&](CLI::App* command) { command->add_flag("--json", given.json, "Print JSON"); };

    auto* demo = app.add_subcommand("demo", "Run three programs with real processes; one of them is killed");
    demo->add_option("PROGRAM", given.program, "Run this one only: counter, objects or crash")
        ->type_name("")
        ->check(CLI::IsMember({"counter", "objects", "crash"}).description(""));
    demo->callback([&] { job = [&] { return pshared::demo(given.program); }; });

    auto* list = app.add_subcommand("list", "List your segments: size, participants, objects");
    json(list);
    directory(list);
    list->callback([&] { job = [&] { return pshared::list(given.where, given.form()); }; });

    auto* show = app.add_subcommand("show", "Show one segment: objects, who holds what, who waits, who died");
    show->add_option("NAME", given.name, "The segment's name")->type_name("")->required();
    json(show);
    directory(show);
    show->callback([&] { job = [&] { return pshared::show(given.name, given.where, given.form()); }; });

    auto* deadlocks = app.add_subcommand("deadlocks", "Find who waits for whom in a circle, across processes");
    deadlocks->add_option("NAME", given.names, "The segments' names; all if none is given")->type_name("");
    deadlocks->add_flag("--watch", given.watch, "Go on looking, and print what is new");
    json(deadlocks);
    directory(deadlocks);
    deadlocks->callback(
        [&] { job = [&] { return pshared::deadlocks(given.names, given.where, given.watch, given.form()); }; });

    auto* remove = app.add_subcommand("remove", "Remove segments by name; whoever uses one keeps it");
    remove->add_option("NAME", given.names, "The segments' names")->type_name("")->required();
    directory(remove);
    remove->callback([&] { job = [&] { return pshared::remove(given.names, given.where); }; });
    for (auto* command : {demo, list, show, deadlocks, remove}) command->group("Commands");
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Locks and shared memory between processes that survive kill -9", "pshared"};
    arguments given;
    std::function<int()> job;
    describe(app, given, job);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : misused;
    }
    if (!job) {
        pshared::complain("a command is missing: demo, list, show, deadlocks or remove\npshared: try 'pshared --help'");
        return misused;
    }
    const int status = job();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        pshared::complain("cannot write the output");
        return failed;
    }
    return status;
} catch (const std::exception& failure) {
    pshared::complain(failure.what());
    return failed;
}
