"""Certificates for sign-in tests, made by the openssl command line: a server's, a CA for clients, and clients good and bad."""
import hashlib
import pathlib

from instance import run_ok

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificates:
    """Files NAME.pem and NAME.key below `directory`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.self_signed("server", "/CN=ndes.test", "subjectAltName=DNS:ndes.test")
        for ca in ("ca", "foreign_ca"):
            self.self_signed(ca, f"/CN={ca}", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
        (self.directory / "index").touch()
        (self.directory / "ca.cnf").write_text(f"""
[ca]
default_ca = d
[d]
new_certs_dir = {self.directory}
database = {self.directory}/index
rand_serial = yes
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[client]
extendedKeyUsage = clientAuth
[server]
extendedKeyUsage = serverAuth
""")

    def pem(self, name):
        return self.directory / f"{name}.pem"

    def key(self, name):
        return self.directory / f"{name}.key"

    def self_signed(self, name, subject, *extensions):
        run_ok("openssl", "req", "-x509", *NEW_KEY, "-days", "30", "-subj", subject, "-keyout", self.key(name), "-out", self.pem(name),
               *(word for extension in extensions for word in ("-addext", extension)))
        self.key(name).chmod(0o600)

    def client(self, name, ca="ca", purpose="client", begin="20200101000000Z", end="20400101000000Z"):
        request = self.directory / f"{name}.csr"
        run_ok("openssl", "req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", self.key(name), "-out", request)
        run_ok("openssl", "ca", "-batch", "-notext", "-config", self.directory / "ca.cnf", "-cert", self.pem(ca), "-keyfile",
               self.key(ca), "-extensions", purpose, "-startdate", begin, "-enddate", end, "-in", request, "-out", self.pem(name))
        return self

    def der(self, name):
        return run_ok("openssl", "x509", "-in", self.pem(name), "-outform", "DER").stdout

    def fingerprint(self, name):
        return hashlib.sha256(self.der(name)).hexdigest()
