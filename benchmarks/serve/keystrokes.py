"""How fast `tokkit serve` follows somebody who types, and how many, beside llama.cpp's server.

    python -m benchmarks.serve.keystrokes [--write-docs]

A session is what stands before the cursor after each of 1,000 keystrokes in a file of the standard
library. First it is typed as fast as answers come, each read to its end: seconds to the first
character, and the tokens of each second request that had to be computed, where a server tells. That
a cached prompt changes no text is checked before, which also says how long a new prompt takes. Then
several people, each of whom has had one completion, type at once, a key each `--pause` seconds, and
drop what has not come by the next key.

The peer is the server of `llama-cpp-python` on the same file, where a Python that has it is named
(`--peer-python`; `pip install 'llama-cpp-python[server]'` there, which compiles llama.cpp); it
shares one model among all, one after the other.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager

from benchmarks.serve.starting import Started, started
from benchmarks.serve.typing_session import CONTEXT, Seen, Typist, session, type_side_by_side
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import BENCHMARKS_PAGE
from benchmarks.shared.records import replace_block
from tokkit.files.sources import locate

GOOD = 0.95
"""Share of keystrokes that must bring a character before the next one."""

NEW_PROMPTS = 3


@contextmanager
def peer_server(python: str, model: str) -> Generator[Started]:
    """The server of llama-cpp-python, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = str(locate(model, ("*.gguf",)))
    command = [python, "-m", "llama_cpp.server", "--model", path, "--port", str(port)]
    command += ["--n_ctx", "8192", "--n_threads", str(os.cpu_count() or 1)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            while server.poll() is None:
                try:
                    urllib.request.urlopen(f"{url}/v1/models").close()  # loopback
                    break
                except urllib.error.URLError:
                    time.sleep(0.5)
            else:
                raise SystemExit(f"{' '.join(command)} ended with {server.returncode}")
            yield Started(url, server.pid)
        finally:
            server.terminate()


def peer_version(python: str) -> str:
    """Of llama-cpp-python, as a Python has it."""
    code = "import importlib.metadata as found; print(found.version('llama-cpp-python'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "(not installed)"


def new_prompts(typist: Typist, prompts: Sequence[str]) -> list[float]:
    """Seconds to the first character after each of some prompts that nobody has asked about.

    Raises:
        SystemExit: a text changes once its prompt is known.
    """
    seconds: list[float] = []
    for prompt in prompts:
        fresh, again = typist.ask(prompt), typist.ask(prompt)
        if fresh.text != again.text or fresh.seconds is None:
            raise SystemExit(f"{fresh.text!r} became {again.text!r} from the cache")
        seconds.append(fresh.seconds)
    return seconds


def percentile(seconds: Sequence[float], share: float) -> float:
    """The smallest that so many are not above."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def follow(typist: Typist, prompts: Sequence[str]) -> str:
    """Columns about one person who types as fast as answers come."""
    seen = [typist.ask(prompt) for prompt in prompts]
    seconds = [each.seconds for each in seen if each.seconds is not None]
    computed = [each.n_computed for each in seen[1::2] if each.n_computed is not None]
    read = [each.n_prompt for each in seen[1::2] if each.n_prompt is not None]
    told = f"{statistics.mean(computed):.1f}, at most {max(computed)}" if computed else "not told"
    size = f"{statistics.mean(read):.0f}" if read else "not told"
    return (
        f"{1000 * statistics.median(seconds):.0f} | {1000 * percentile(seconds, 0.95):.0f} | "
        f"{size} | {told}"
    )


def most_typists(typist: Typist, most: int, n_keys: int, pause: float) -> str:
    """A column: how many can type at once, and the share that was served of each number."""
    shares: list[str] = []
    served = 0
    for n in range(1, most + 1):
        seen = type_side_by_side(typist, n, n_keys, pause)
        share = sum(is_in_time(each) for each in seen) / len(seen)
        shares.append(f"{n}: {share:.0%}")
        if share < GOOD:
            break
        served = n
    return f"{served} ({', '.join(shares)})"


def is_in_time(seen: Seen) -> bool:
    """Whether a character came before the next key."""
    return seen.seconds is not None


def main() -> None:
    """Print the table, and write it into the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.25)
    parser.add_argument("--typists", type=int, default=8, help="at most")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    prompts = list(session(options.keys))
    n_keys = min(options.keys, 100)
    servers: dict[str, Callable[[], AbstractContextManager[Started]]] = {
        "tokkit": lambda: started(options.model)
    }
    if options.peer_python != sys.executable or importlib.util.find_spec("llama_cpp"):
        servers["llama-cpp-python"] = lambda: peer_server(options.peer_python, options.model)
    described = run_description("transformers", "torch")
    described = described.replace(options.peer_python, "PYTHON")
    described += f"\npeer: llama-cpp-python {peer_version(options.peer_python)}"
    rows: list[str] = []
    for name, start in servers.items():
        with start() as server:
            typist = Typist(server.url, options.model, options.tokens)
            elsewhere = [next(session(1, CONTEXT + 2000 * (k + 1))) for k in range(NEW_PROMPTS)]
            fresh = statistics.median(new_prompts(typist, elsewhere))
            columns = f"{1000 * fresh:.0f} | {follow(typist, prompts)}"
            rows.append(
                f"| {name} | {columns} | "
                f"{most_typists(typist, options.typists, n_keys, options.pause)} |"
            )
            print(rows[-1], flush=True)
    head = (
        "| server | a new prompt, ms | first character, median ms | 95th percentile, ms | "
        "tokens of a prompt | computed of every second one | people at once |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    text = (
        head
        + "\n".join(rows)
        + f"\n\n```text\n{described}\nsettings: {options.keys} keystrokes, completions of "
        f"{options.tokens} tokens; at once: a key each {options.pause:g} s, {n_keys} keys "
        f"a person, served while {GOOD:.0%} of the keys bring a character before the next\n```"
    )
    print(text)
    if options.write_docs:
        replace_block(BENCHMARKS_PAGE, "serve-keystrokes", text)


if __name__ == "__main__":
    main()
