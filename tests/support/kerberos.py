"""A Kerberos realm for one test: a KDC of MIT Kerberos on a loopback port, in a temporary directory.

use() puts the realm into this process's environment, so that programs started afterwards live in it.
"""
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time

from instance import die_with_parent, run_ok

TOOLS = "/usr/sbin:/usr/local/sbin"


class Realm:
    """Promises that close() leaves no process and no file behind."""

    def __init__(self, name="TEST.EXAMPLE"):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="countersign-kdc-"))
        self.process = None
        self._before = {}
        host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        self.endpoint = (host, port)
        (self.directory / "krb5.conf").write_text(f"""
[libdefaults]
default_realm = {name}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
[realms]
{name} = {{
  kdc = {host}:{port}
}}
""")
        (self.directory / "kdc.conf").write_text(f"""
[kdcdefaults]
kdc_listen = {host}:{port}
kdc_tcp_listen = {host}:{port}
[realms]
{name} = {{
  database_name = {self.directory}/principal
  key_stash_file = {self.directory}/stash
  acl_file = {self.directory}/acl
  supported_enctypes = aes256-cts:normal
}}
[logging]
kdc = FILE:{self.directory}/kdc.log
""")

    def use(self):
        values = {"KRB5_CONFIG": self.directory / "krb5.conf", "KRB5_KDC_PROFILE": self.directory / "kdc.conf",
                  "KRB5RCACHENAME": f"file2:{self.directory}/rcache", "KRB5CCNAME": f"FILE:{self.directory}/none",
                  "PATH": f"{os.environ['PATH']}:{TOOLS}"}
        for variable, value in values.items():
            self._before[variable] = os.environ.get(variable)
            os.environ[variable] = str(value)
        return self

    def start(self):
        run_ok("kdb5_util", "create", "-s", "-r", self.name, "-P", "a master password of the test")
        self.process = subprocess.Popen(["krb5kdc", "-n", "-r", self.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(self.endpoint, timeout=5).close()
                return self
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, "the KDC does not listen"
                time.sleep(0.05)

    def admin(self, query):
        run_ok("kadmin.local", "-r", self.name, "-q", query)

    def user(self, name, password="tea and biscuits"):
        """A principal who is signed in: the path of the credential cache."""
        self.admin(f'addprinc -pw "{password}" {name}')
        cache = f"FILE:{self.directory}/cc-{name.replace('/', '-')}"
        run_ok("kinit", "-c", cache, f"{name}@{self.name}", stdin=password.encode() + b"\n")
        return cache

    def keytab(self, service, file):
        """A service's keytab, readable by its owner alone."""
        self.admin(f"addprinc -randkey {service}")
        self.admin(f"ktadd -k {file} {service}")
        os.chmod(file, 0o600)
        return file

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
        for variable, value in self._before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
        shutil.rmtree(self.directory, ignore_errors=True)


