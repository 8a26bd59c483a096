"""A PostgreSQL server of the tests' own, on the loopback interface, with databases that last for one test."""

import glob
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import sqlalchemy as sa

# Debian's own user for the server.
DEBIAN_USER = "postgres"
# Waits for the end of the tests, however they end: then nobody holds the other end of its input.
CLOSER = 'read _; "$0" stop --mode immediate; rm -rf "$1"'


class Unavailable(Exception):
    """There is no PostgreSQL on this machine, or it cannot be started."""


class PostgreSQLServer:
    """Starts a server in a temporary folder; raises Unavailable with the reason where that cannot be done."""

    def __init__(self):
        self.programs = find_programs()
        self.user = server_user()
        self.folder = Path(tempfile.mkdtemp(prefix="digitcore-postgresql-"))
        # Without a locale, as in a container: the databases get the encoding that is the hardest to serve.
        self.environment = {**os.environ, "PGDATA": str(self.folder / "data"), "LC_ALL": "C"}
        self.password = secrets.token_hex(16)
        if self.user:
            shutil.chown(self.folder, DEBIAN_USER, DEBIAN_USER)
        command = ["sh", "-c", CLOSER, self.programs / "pg_ctl", self.folder]
        silent = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._closer = self._open(command, stdin=subprocess.PIPE, **silent)
        try:
            self._create()
            self.start()
        except OSError as error:
            self.close()
            raise Unavailable(f"PostgreSQL cannot be started: {error}") from None

    def start(self):
        self._run("pg_ctl", "start", "--wait", "--log", self.folder / "log")

    def stop(self, mode="fast"):
        """Stop the server: "fast" ends sessions, "immediate" is like a crash."""
        self._run("pg_ctl", "stop", "--wait", "--mode", mode)

    def close(self):
        self._closer.communicate()

    def create_database(self):
        """Return the URL of a new database."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def drop_database(self, url):
        self._execute(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def _create(self):
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if self.user:
            shutil.chown(password_file, DEBIAN_USER, DEBIAN_USER)
        self._run("initdb", "--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = dict(listen_addresses="127.0.0.1", port=self.port, unix_socket_directories="", fsync="off")
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _run(self, program, *arguments):
        # No pipe: the server would inherit it and hold it open.
        with tempfile.TemporaryFile("w+") as output:
            command = [self.programs / program, *map(str, arguments)]
            if self._open(command, stdout=output, stderr=output).wait():
                output.seek(0)
                raise OSError(output.read())

    def _open(self, command, **options):
        return subprocess.Popen(command, cwd="/", env=self.environment, **self.user, **options)

    def _execute(self, statement):
        engine = sa.create_engine(
            self._url("postgres"), client_encoding="utf8", isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def _url(self, database):
        return f"postgresql+psycopg://postgres:{self.password}@127.0.0.1:{self.port}/{database}"


def server_user():
    """Return the options with which a process is opened as the server's user: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam(DEBIAN_USER)
    except KeyError:
        raise Unavailable(f"PostgreSQL does not run as root, and there is no user {DEBIAN_USER}") from None
    return {"user": DEBIAN_USER, "group": DEBIAN_USER, "extra_groups": []}


def find_programs():
    """Return the folder of initdb and pg_ctl; Debian keeps them out of the path."""
    initdb = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default=None)
    if initdb is None:
        raise Unavailable("PostgreSQL is not installed (apt-get install postgresql)")
    return Path(initdb).parent
