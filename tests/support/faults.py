"""Failing disks and wrong clocks for a running daemon: the other end of fault_shim.cpp (layout: fault_control.hpp)."""
import errno
import mmap
import os
import struct

from instance import Instance, InstanceTest

ALLOCATE, WRITE, READ, SYNC, TRUNCATE, OPEN, RENAME = 1, 2, 4, 8, 16, 32, 64
ACCEPT, RECEIVE, SEND, CONNECT, SOCKET, WATCH, OPEN_TO_READ = 128, 256, 512, 1024, 2048, 4096, 8192
CHANGES = WRITE | TRUNCATE | OPEN | RENAME

# What a call fails with, and which calls do: a disk that is full, broken, or was made read-only by its file system.
DISKS = {
    "full": (errno.ENOSPC, WRITE | TRUNCATE),
    "broken": (errno.EIO, WRITE | TRUNCATE | SYNC),
    "read-only": (errno.EROFS, CHANGES),
    "unsynced": (errno.EIO, SYNC),
}

_RULE, _RULES, _AT = 512, 4, 16


def shim():
    path = os.environ.get("COUNTERSIGN_FAULT_SHIM")
    if not path:
        raise RuntimeError("set COUNTERSIGN_FAULT_SHIM to the fault shim's library")
    return path


class Orders:
    """What shall fail. Takes effect at once in whatever runs with it."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(struct.pack("<Qq", 0x4641554C54303031, 0) + bytes(_RULE * _RULES))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def environment(self):
        return {"LD_PRELOAD": shim(), "COUNTERSIGN_FAULT_CONTROL": str(self.path)}

    def arm(self, rule, calls, error, prefix="", count=-1):
        """Lets calls about files whose path begins with `prefix` fail: the next `count`, or all until disarm()."""
        at = _AT + _RULE * rule
        self.map[at:at + 4] = bytes(4)
        self.map[at + 4:at + 40] = struct.pack("<iqqQQ", error, 0, count, 0, 0)
        self.map[at + 40:at + _RULE] = str(prefix).encode().ljust(_RULE - 40, b"\0")
        self.map[at:at + 4] = struct.pack("<I", calls)

    def disarm(self):
        for rule in range(_RULES):
            at = _AT + _RULE * rule
            self.map[at:at + 4] = bytes(4)

    def failed(self, rule):
        """How many calls have failed since it was armed."""
        at = _AT + _RULE * rule + 32
        return struct.unpack("<Q", self.map[at:at + 8])[0]

    def set_clock(self, seconds):
        """How far the wall clock is ahead of the right time."""
        self.map[8:16] = struct.pack("<q", int(seconds * 1_000_000_000))


class FaultyInstance(Instance):
    """An instance whose daemon, and nothing else, runs with the shim."""

    def __init__(self, listen=None):
        super().__init__(listen)
        self.orders = Orders(self.path("orders"))

    def start(self, wait=True):
        plain = self.environment
        self.environment = {**plain, **self.orders.environment()}
        try:
            return super().start(wait)
        finally:
            self.environment = plain


class FaultTest(InstanceTest):
    def faulty_instance(self):
        instance = FaultyInstance()
        self.addCleanup(instance.close)
        self.own_instances.append(instance)
        return instance.init()
