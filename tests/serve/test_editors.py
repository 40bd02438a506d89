"""Editors' plugins, as people run them, write what the model writes.

They ask without a seed, so the model is one that hardly writes anything but one text.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bytelm.completion.fim_toys import all_bytes_with, with_format
from tests.serve.running_server import Client, running
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.text.tokenizer import TextTokenizer

pytestmark = pytest.mark.slow
TEXT = "def area(r):\n    return 3 * r\n"
BEFORE, AFTER = "def area(r):\n    ret", "\n\nprint(area(2))\n"
NODE = Path(__file__).parent / "node_clients"


def lm_of_one_text() -> ByteLM:
    """Its format puts the prefix right before the middle, which a model of n-grams can use."""
    spec = with_format(all_bytes_with(b"ret", b"urn"), FIM_FORMATS["codestral"])
    return ByteLM(NgramLM.train([TEXT] * 400, TextTokenizer(spec), order=4))


LM = lm_of_one_text()


@pytest.fixture(scope="module")
def server() -> Iterator[Client]:
    with running({"toy": LM}) as client:
        yield client


def needs_node(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which("node") is None or not (NODE / "node_modules" / package).is_dir(),
        reason="npm install in tests/serve/node_clients",
    )


def test_the_model_writes_one_text() -> None:
    for seed in range(3):
        middle = infill(LM, BEFORE, AFTER, max_bytes=9, seed=seed)
        assert middle == b"urn 3 * r"


@needs_node("@continuedev/openai-adapters")
def test_the_adapters_of_continue(server: Client) -> None:
    done = subprocess.run(
        ["node", "continue.mjs", server.url, BEFORE, AFTER],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    middle = infill(LM, BEFORE, AFTER, max_bytes=400, temperature=0, valid_utf8=True).decode()
    assert told["middle"] and middle.startswith(told["middle"])
    assert told["spelt"] == told["middle"]
    whole = LM.generate(BEFORE, max_bytes=400, seed=4, valid_utf8=True).decode()
    assert told["whole"] and whole.startswith(told["whole"])


class LanguageServer:
    """A program that speaks the Language Server Protocol over its standard streams."""

    def __init__(self, command: list[str], home: Path) -> None:
        self._program = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "HOME": str(home)},
        )
        self._n = 0

    def tell(self, method: str, params: Any, **more: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        assert self._program.stdin is not None
        self._program.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._program.stdin.flush()

    def ask(self, method: str, params: Any) -> Any:
        self._n += 1
        self.tell(method, params, id=self._n)
        while True:
            heard = self._hear()
            if heard.get("id") == self._n and "method" not in heard:
                return heard["result"]

    def _hear(self) -> Any:
        assert self._program.stdout is not None
        size = 0
        while line := self._program.stdout.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return json.loads(self._program.stdout.read(size))

    def close(self) -> None:
        self._program.terminate()
        self._program.communicate(timeout=20)


@needs_node("tabby-agent")
def test_tabbys_agent(server: Client, tmp_path: Path) -> None:
    config = tmp_path / ".tabby-client" / "agent" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[server]\nendpoint = "{server.url}"\n[anonymousUsageTracking]\ndisable = true\n'
    )
    program = NODE / "node_modules" / "tabby-agent" / "dist" / "cli.js"
    agent = LanguageServer(["node", str(program), "--lsp", "--stdio"], tmp_path)
    try:
        agent.ask("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {}})
        agent.tell("initialized", {})
        uri = {"uri": "file:///area.py"}
        opened = {**uri, "languageId": "python", "version": 1, "text": BEFORE + AFTER}
        agent.tell("textDocument/didOpen", {"textDocument": opened})
        place = {"line": 1, "character": len("    ret")}
        told = agent.ask("textDocument/completion", {"textDocument": uri, "position": place})
    finally:
        agent.close()
    texts = [item["textEdit"]["newText"] for item in told["items"]]
    assert texts == ["return 3 * r"]


PLUGIN = os.environ.get("LLAMA_VIM", "")


def eventually(look: Callable[[], str], good: Callable[[str], bool]) -> str:
    """What is seen once it is good, or at last."""
    end = time.monotonic() + 30
    while not good(seen := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return seen


@pytest.mark.skipif(
    not all(map(shutil.which, ("vim", "tmux", "curl"))) or not Path(PLUGIN, "autoload").is_dir(),
    reason="vim, tmux and curl, and LLAMA_VIM=a clone of llama.vim",
)
def test_vim_shows_a_completion_and_takes_it(server: Client, tmp_path: Path) -> None:
    settings, file = tmp_path / "settings.vim", tmp_path / "area.py"
    settings.write_text(
        f"set nocompatible noswapfile\nlet &rtp = '{PLUGIN},' .. &rtp\n"
        f"let g:llama_config = {{'endpoint_fim': '{server.url}/infill', 'api_key': '', "
        "'show_info': 0}\nruntime plugin/llama.vim\n"
    )
    file.write_text(BEFORE + AFTER)
    tmux = ["tmux", "-S", str(tmp_path / "socket")]

    def say(*words: str) -> str:
        done = subprocess.run([*tmux, *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen() -> str:
        return say("capture-pane", "-p")

    command = f"env TERM=screen-256color vim -u {settings} {file}"
    say("new-session", "-d", "-x", "80", "-y", "20", command)
    try:
        eventually(screen, lambda seen: "print" in seen or "ENTER" in seen)
        say("send-keys", "Enter")  # it warns of Vims below 9.1, and works with 9.0.1378
        assert "ret" in eventually(screen, lambda seen: "print(area(2))" in seen)
        say("send-keys", "2GA")  # behind the last character of the second line
        shown = eventually(screen, lambda seen: "return 3 * r" in seen)
        assert "    return 3 * r" in shown.splitlines()[1]
        say("send-keys", "Tab")
        say("send-keys", "Escape")
        say("send-keys", ":w", "Enter")
        written = eventually(file.read_text, lambda text: "return" in text)
        assert written.startswith(TEXT.rstrip()) and written.endswith("print(area(2))\n")
    finally:
        say("kill-server")
