"""A command backend for the contract tests: the shipped openssl-ca example, which the file DIRECTORY/next makes do other things.

Usage: command_ca.py OPENSSL_CA DIRECTORY. `next` holds one word: hold, reject, lose_the_answer, cut_the_answer or lie. The file
`away` makes the CA unavailable; what is held is issued once the file `released` is there.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

EXAMPLE, HOME = sys.argv[1], pathlib.Path(sys.argv[2])


def ask_example(question):
    return subprocess.run([sys.executable, EXAMPLE, str(HOME)], input=question, capture_output=True, check=False)


def end_as(done):
    sys.stdout.buffer.write(done.stdout)
    sys.stderr.buffer.write(done.stderr)
    sys.exit(done.returncode)


def hold(key, text):
    (HOME / f"{key}.held").write_bytes(text)
    print(key)
    sys.exit(3)


def poll(question):
    held = HOME / f"{question['handle']}.held"
    if not held.is_file():
        sys.exit(5)
    if not (HOME / "released").exists():
        print(question["handle"])
        sys.exit(3)
    end_as(ask_example(held.read_bytes()))


def main():
    text = sys.stdin.buffer.read()
    question = json.loads(text)
    if (HOME / "away").exists():
        print("the test took this CA away", file=sys.stderr)
        sys.exit(4)
    if question["operation"] == "poll":
        poll(question)
    treatment = HOME / "next"
    how = treatment.read_text() if question["operation"] == "submit" and treatment.exists() else "issue"
    if how == "issue":
        end_as(ask_example(text))
    treatment.unlink()
    if how == "hold":
        hold(question["key"], text)
    if how == "reject":
        print("not on my watch", file=sys.stderr)
        sys.exit(2)
    if how == "lie":
        print((HOME / "lie.pem").read_text())
        sys.exit(0)
    done = ask_example(text)
    assert done.returncode == 0, done.stderr
    if how == "lose_the_answer":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdout.buffer.write(done.stdout[:200])


main()
