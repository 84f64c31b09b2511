"""A stand-in for a CA (cmp.py, est.py, rest.py) as a child, by Debian's own Python, told what to do line by line."""
import pathlib
import subprocess

from instance import die_with_parent


class StandIn:
    """Promises that close() leaves no process behind."""

    def __init__(self, script, directory, *words):
        line = ["/usr/bin/python3", "-B", str(pathlib.Path(__file__).with_name(script)), str(directory), *words]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.port = self.process.stdout.readline().strip()
        assert self.port, f"{script} did not start"

    def tell(self, words):
        """Its answer to one line."""
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait(30)
