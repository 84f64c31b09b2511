"""An instance whose CA's key belongs to somebody else."""
import re
import shutil


def move_ca_away(server):
    """The directory of that CA: certificate, key, the agent's certificate, and what `openssl ca` begins with."""
    home = server.path("their-ca")
    (home / "newcerts").mkdir(parents=True)
    (home / "index.txt").touch()
    shutil.copy(server.home / "ca/ca.pem", home / "ca.pem")
    shutil.move(server.home / "ca/ca.key", home / "ca.key")
    shutil.copy(server.home / "ra/agent.pem", home / "agent.pem")
    return home


def use_ca(server, text):
    """Replaces [ca.default] by one with these further lines, which is asked and tried again every second."""
    before, _, rest = server.config.read_text().partition("[ca.default]\n")
    after = re.split(r"\n(?=\[(?!ca\.default))", rest, maxsplit=1)[1]
    server.config.write_text(f'{before}[ca.default]\ncertificate = "ca/ca.pem"\npoll_seconds = 1\npause_seconds = 1\n{text}\n{after}')
