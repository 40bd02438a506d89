"""What is answered at an address while the models are still being loaded: `answering_loading`."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Thread

_BODY = b'{"error":{"code":503,"message":"loading the model","type":"unavailable_error"}}'
_LOADING = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
_SECONDS = 0.5
"""That a client may take, and that the last of them is waited for."""


@contextmanager
def answering_loading(listener: socket.socket) -> Generator[None]:
    """Answer status 503 to all that ask at a socket, until the end of the block.

    Args:
        listener: that listens; it blocks afterwards.
    """
    is_over = Event()
    thread = Thread(target=_answer, args=(listener, is_over), name="tokkit-loading", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _answer(listener: socket.socket, is_over: Event) -> None:
    listener.settimeout(_SECONDS / 5)
    while not is_over.is_set():
        try:
            peer, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            break
        with peer, suppress(OSError):
            end = time.monotonic() + _SECONDS
            peer.settimeout(_SECONDS)
            peer.recv(1 << 16)
            peer.sendall(_LOADING)
            peer.shutdown(socket.SHUT_WR)
            # What is not read would make the answer be thrown away.
            while time.monotonic() < end and peer.recv(1 << 16):
                pass
    with suppress(OSError):
        listener.settimeout(None)
