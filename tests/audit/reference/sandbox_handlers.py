"""What the tests of the sandbox run in it: all that code must not do in a caller's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import tokkit
from tokkit.errors import TokkitError


class PanicException(BaseException):
    """By its name, what a Rust panic arrives as."""


def echo(value):
    return value


def process_id():
    return os.getpid()


def sleep(duration):
    time.sleep(duration)


def spin():
    while True:
        pass


def sleep_in_a_child():
    """Start a process that outlives this one, unless its group is killed."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    return child.pid


def eat(n_bytes):
    return len(bytearray(n_bytes))


def refuse():
    raise ValueError("no such thing")


def panic():
    raise PanicException("called unwrap on None")


def abort():
    os.abort()


def leave():
    os._exit(3)


def chatter():
    print("not an answer")
    os.write(1, b"nor this")
    return "the answer"


def environment():
    return sorted(os.environ)


def load(path, format=None):
    """The type of the error that loading a file raises, its message, or what it encodes."""
    try:
        tokenizer = tokkit.load_tokenizer(path, format=format)
        return {"ids": tokenizer.encode("a" * 28 + "!")}
    except TokkitError as error:
        return {"error": type(error).__name__, "message": str(error)}


HANDLERS = {
    handler.__name__: handler
    for handler in (
        *(echo, process_id, sleep, spin, sleep_in_a_child, eat, refuse, panic, abort, leave),
        *(chatter, environment, load),
    )
}
