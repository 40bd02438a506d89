"""A process of its own for code that may hang, panic, abort or eat memory; calls go by pipe.

The process runs `tokkit.audit.reference.sandbox_child` with the functions of one module, in
isolated mode (`python -I`), in a session of its own, without the caller's environment. Requests and
answers are JSON behind a length of eight bytes; nothing is ever unpickled. A call that takes too
long, an answer that is too long, or an end without an answer kills the whole session.

Limits: wall time is kept here; address space, CPU time, core files and the size of written files
are limited by the child itself before it loads anything (`resource.setrlimit`). macOS does not
enforce the limit on memory, and Windows has none of these limits: there only wall time counts.
Network and file system are not shut off; the functions that run here use neither beyond the file
that they are given.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from tokkit.errors import ArgumentError, SandboxError

MAX_FRAME_BYTES = 1 << 29
LENGTH = struct.Struct(">Q")
HAS_CPU_LIMIT = find_spec("resource") is not None
"""Whether the system stops a process after so much CPU time."""
_ENVIRONMENT = (
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "HOME", "TMPDIR", "TMP", "TEMP",
)  # fmt: skip
_ONE_THREAD = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_START = (
    "import sys; sys.path[:] = sys.argv[4:]; "
    "from tokkit.audit.reference.sandbox_child import main; "
    "main(sys.argv[1], *map(int, sys.argv[2:4]))"
)


class Sandbox(contextlib.AbstractContextManager["Sandbox"]):
    """Calls functions of a module in a process of its own. A context manager.

    The process is started by the first call, and again by the first call after it died, so what
    was built up in it is then gone: `generation` tells.

    Attributes:
        module: dotted name; its `HANDLERS` maps names to functions that take and return JSON.
        seconds: wall time of a call, starting the process included.
        memory_bytes: address space of the process (see the module's docstring).
        generation: how many processes there have been.
    """

    def __init__(self, module: str, *, seconds: float = 60.0, memory_bytes: int = 4 << 30) -> None:
        """Set the limits; no process is started.

        Raises:
            ArgumentError: a limit that is not positive.
        """
        if seconds <= 0 or memory_bytes <= 0:
            raise ArgumentError(
                f"limits of {seconds} s and {memory_bytes} bytes; expected positive numbers"
            )
        self.module = module
        self.seconds = seconds
        self.memory_bytes = memory_bytes
        self.generation = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether there is a process that takes calls."""
        return self._process is not None

    def close(self) -> None:
        """Kill the process, if there is one."""
        process, stderr = self._process, self._stderr
        self._process = self._stderr = None
        if process is not None:
            _kill(process)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        if stderr is not None:
            stderr.close()

    def call(
        self,
        name: str,
        /,
        *,
        seconds: float | None = None,
        cpu_seconds: float | None = None,
        **arguments: object,
    ) -> Any:
        """The result of a handler.

        Args:
            name: of the handler.
            seconds: wall time of this call; None: that of the sandbox.
            cpu_seconds: CPU time of this call, where the system limits it; None: `seconds`.
            arguments: of the handler; what JSON can hold.

        Raises:
            SandboxError: it raised an error, panicked, died, or went over a limit. After all but
                an error that was raised the process is gone, and the next call starts another.
        """
        limit = self.seconds if seconds is None else seconds
        request = {"name": name, "arguments": arguments, "cpu_seconds": cpu_seconds or limit}
        if self._process is None:
            self._start()
        process = self._process
        assert process is not None
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            _kill(process)

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            answer = _exchange(process, json.dumps(request).encode())
        except (OSError, ValueError, EOFError) as error:
            timer.cancel()
            raise self._failure(name, limit, timed_out.is_set(), error) from None
        finally:
            timer.cancel()
        return self._result(name, answer)

    def _start(self) -> None:
        paths = [str(Path(__file__).parents[3]), *filter(None, sys.path)]
        command = [
            sys.executable, "-I", "-X", "utf8", "-c", _START, self.module, str(self.memory_bytes),
            str(MAX_FRAME_BYTES), *dict.fromkeys(paths),
        ]  # fmt: skip
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=kept | _ONE_THREAD,
            start_new_session=True,
        )
        self.generation += 1

    def _result(self, name: str, answer: Mapping[str, Any]) -> Any:
        if "result" in answer:
            return answer["result"]
        reason, message = str(answer.get("reason")), str(answer.get("message"))
        if reason != "refused":
            self.close()
        raise SandboxError(f"{name}: {message}", reason)

    def _failure(self, name: str, limit: float, timed_out: bool, error: Exception) -> SandboxError:
        process, stderr = self._process, self._stderr
        assert process is not None
        assert stderr is not None
        _kill(process, unless_dead=True)
        code = process.wait()
        said = _tail(stderr)
        self.close()
        if timed_out:
            return SandboxError(f"{name}: took more than {limit:g} s and was stopped", "timed out")
        if isinstance(error, ValueError):
            return SandboxError(f"{name}: {error}", "died")
        if "memory allocation of" in said or "MemoryError" in said:
            return SandboxError(
                f"{name}: needed more than {self.memory_bytes:,} bytes of memory", "out of memory"
            )
        if code == -getattr(signal, "SIGXCPU", 0):
            return SandboxError(f"{name}: used too much CPU time and was stopped", "timed out")
        return SandboxError(f"{name}: the process died ({_death(code)})", "died")


def _exchange(process: subprocess.Popen[bytes], request: bytes) -> Mapping[str, Any]:
    """Send a request and read the answer.

    Raises:
        EOFError: the process ended.
        ValueError: no answer within bounds, or not JSON.
    """
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    if len(request) > MAX_FRAME_BYTES:
        raise ValueError(f"a request of {len(request):,} bytes; at most {MAX_FRAME_BYTES:,}")
    stdin.write(LENGTH.pack(len(request)) + request)
    stdin.flush()
    header = stdout.read(LENGTH.size)
    if len(header) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"an answer of {length:,} bytes; at most {MAX_FRAME_BYTES:,}")
    body = stdout.read(length)
    if len(body) < length:
        raise EOFError
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("an answer that is no object")
    return answer  # pyright: ignore[reportUnknownVariableType]


def _kill(process: subprocess.Popen[bytes], *, unless_dead: bool = False) -> None:
    """Kill a process and all that it started."""
    if unless_dead and _ends_soon(process):
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _ends_soon(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is dead or dying, so that its own exit code can be told."""
    try:
        process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return False
    return True


def _tail(stream: IO[bytes], limit: int = 8192) -> str:
    """The end of what was written to a file."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - limit))
    return stream.read(limit).decode(errors="replace")


def _death(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
