// A real PostgreSQL of a test's own: a cluster in a scratch directory, reached over a Unix socket alone, stopped when
// this goes. Needs Debian's package postgresql; its programs refuse to run as root and are run as user postgres then.
#pragma once

#include "scratch_directory.hpp"

#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace countersign::test {

class PostgresqlServer {
public:
    // Throws std::runtime_error.
    PostgresqlServer() {
        if (::geteuid() == 0) run("chown postgres " + quoted(home_.path()));
        run(as_postgres(program("initdb") + " -D " + quoted(data()) +
                        " -U countersign -A trust -E UTF8 --locale=C.UTF-8 -N"));
        start();
    }
    ~PostgresqlServer() {
        try {
            stop("immediate");
        } catch (const std::exception&) {
            // It is down already.
        }
    }
    PostgresqlServer(const PostgresqlServer&) = delete;
    PostgresqlServer& operator=(const PostgresqlServer&) = delete;

    void start() {
        run(as_postgres(program("pg_ctl") + " -w -t 60 -D " + quoted(data()) + " -l " + quoted(home_ / "log") +
                        " -o \"-k '" + home_.path().string() + "' -c listen_addresses=''\" start"));
    }
    // "fast": clients are thrown out; "immediate": as if the power had gone.
    void stop(const std::string& mode) {
        run(as_postgres(program("pg_ctl") + " -w -D " + quoted(data()) + " -m " + mode + " stop"));
    }
    void query(const std::string& sql) {
        run(program("psql") + " -q -v ON_ERROR_STOP=1 -d \"" + base_url() + "\" -c \"" + sql + "\"");
    }
    // A place of its own in the database: an empty schema. `more`: further parameters, "&name=value".
    std::string fresh_url(const std::string& more = {}) {
        static std::atomic<int> number{0};
        const std::string schema = "test" + std::to_string(++number);
        query("CREATE SCHEMA " + schema);
        return url_of(schema, more);
    }
    std::string url_of(const std::string& schema, const std::string& more = {}) const {
        return base_url() + "&options=-csearch_path%3D" + schema + more;
    }

private:
    static std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }
    static std::string as_postgres(const std::string& line) {
        return ::geteuid() == 0 ? "cd / && setpriv --reuid=postgres --regid=postgres --clear-groups " + line : line;
    }
    static void run(const std::string& line) {
        const ScratchDirectory said;
        const auto words = said / "output";
        if (std::system(("{ " + line + "; } >" + quoted(words) + " 2>&1").c_str()) == 0) return;
        std::ostringstream output;
        output << std::ifstream(words).rdbuf();
        throw std::runtime_error(line + " failed: " + output.str());
    }
    // The newest of those Debian has installed beside each other.
    static std::string program(const std::string& name) {
        std::filesystem::path found;
        const std::filesystem::path root = "/usr/lib/postgresql";
        if (std::filesystem::exists(root)) {
            for (const auto& version : std::filesystem::directory_iterator(root)) {
                const auto candidate = version.path() / "bin" / name;
                if (std::filesystem::exists(candidate) && candidate > found) found = candidate;
            }
        }
        if (found.empty()) throw std::runtime_error("no " + name + ": install Debian's package postgresql");
        return found.string();
    }
    std::filesystem::path data() const { return home_ / "data"; }
    std::string base_url() const {
        std::string directory;
        for (const char c : home_.path().string()) directory += c == '/' ? "%2F" : std::string(1, c);
        return "postgresql://countersign@/postgres?host=" + directory;
    }

    // Not below TMPDIR: user postgres must be able to get there, and the path of a Unix socket is short.
    ScratchDirectory home_{"/tmp"};
};

}  // namespace countersign::test
