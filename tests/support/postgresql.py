"""A PostgreSQL server of a test's own: a cluster in a temporary directory, on a Unix socket alone. Debian's package postgresql."""
import os
import pathlib
import shutil
import tempfile
import urllib.parse

from instance import run, run_ok


class Postgresql:
    """Started when made. Its programs refuse to run as root; as root they are run as user postgres."""

    def __init__(self, primary=None):
        """`primary`: another one, whose streaming standby this shall be; it is known there as "standby"."""
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[4]))
        if not programs:
            raise RuntimeError("no pg_ctl: install Debian's package postgresql")
        self.programs = programs[-1].parent
        # Not below TMPDIR: user postgres must be able to get there, and the path of a Unix socket is short.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="countersign-postgresql-", dir="/tmp"))
        self.as_owner = ()
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres")
            self.as_owner = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        if primary:
            self._owner("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-N",
                        "-d", f"{primary.url}&application_name=standby")
        else:
            self._owner("initdb", "-D", self.data, "-U", "countersign", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self.start()

    @property
    def data(self):
        return self.directory / "data"

    @property
    def url(self):
        return self.url_by(self.directory)

    @staticmethod
    def url_by(*places):
        """One url for the servers whose sockets are there, in this order."""
        hosts = urllib.parse.quote(",".join(str(place) for place in places), safe="")
        return f"postgresql://countersign@/postgres?host={hosts}"

    def _owner(self, name, *arguments):
        run_ok(*self.as_owner, self.programs / name, *arguments, cwd="/")

    def start(self):
        self._owner("pg_ctl", "-w", "-t", "60", "-D", self.data, "-l", self.directory / "log", "-o",
                    f"-k '{self.directory}' -c listen_addresses=''", "start")

    def stop(self, mode="fast"):
        """`fast`: clients are thrown out; `immediate`: as if the power had gone."""
        self._owner("pg_ctl", "-w", "-D", self.data, "-m", mode, "stop")

    def promote(self):
        """A standby becomes the primary."""
        self._owner("pg_ctl", "-w", "-t", "60", "-D", self.data, "promote")

    def query(self, sql):
        """The rows, one a line, fields parted by '|'."""
        return run_ok(*self.psql("-c", sql)).stdout.decode().strip()

    def psql(self, *arguments):
        """The words of a command that ends at the first error."""
        return [str(word) for word in (self.programs / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url, *arguments)]

    def close(self):
        run(*self.as_owner, self.programs / "pg_ctl", "-w", "-D", self.data, "-m", "immediate", "stop", cwd="/")
        shutil.rmtree(self.directory, ignore_errors=True)
