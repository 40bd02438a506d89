"""What strangers send, and clients that leave, do a server no harm."""

from __future__ import annotations

import json
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from tests.serve.running_server import Client, Gate, endless_lm, plain_lm, running, toy_lm
from tokkit.errors import ArgumentError
from tokkit.serve import engine
from tokkit.serve.options import ServeOptions

COMPLETE = "/v1/completions"
LONG = {"model": "endless", "prompt": "a", "max_tokens": 4000, "stop": ["never"]}
HOSTILE = {
    "nothing": b"",
    "no json": b"{",
    "no object": b"[]",
    "a number": b"1",
    "deep lists": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lone surrogate": b'{"prompt": "\\ud800"}',
    "raw surrogate": b'{"prompt": "\xed\xa0\x80"}',
    "no utf-8": b'{"prompt": "\xff\xfe"}',
    "large number": b'{"prompt": "a", "temperature": 1e999}',
    "large whole number": b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}",
    "not a number": b'{"prompt": "a", "temperature": NaN}',
    "infinity": b'{"prompt": "a", "max_tokens": Infinity}',
    "negative": b'{"prompt": "a", "max_tokens": -5}',
    "many stops": json.dumps({"prompt": "a", "stop": ["x"] * 1000}).encode(),
    "many prompts": json.dumps({"prompt": ["x"] * 1000}).encode(),
    "list for text": b'{"prompt": [["a"]]}',
}


@pytest.mark.parametrize("path", [COMPLETE, "/infill", "/completion", "/tokenize"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused(client: Client, path: str, name: str) -> None:
    status, body, _ = client.send("POST", path, HOSTILE[name])
    if status == 200:  # a field that this route does not read
        assert path == "/tokenize" or name in ("many prompts", "negative", "large whole number")
    else:
        assert 400 <= status < 500
        assert json.loads(body)["error"]["message"]
    assert client.send("GET", "/health")[0] == 200


def test_a_compressed_body_is_refused(client: Client) -> None:
    body = b'{"prompt": "a", "max_tokens": 1}'
    path = "/v1/completions"
    assert client.send("POST", path, body, Content_Encoding="gzip")[0] == 415
    assert client.send("POST", path, body, Content_Encoding="identity")[0] == 200


def test_gigabytes_are_refused_before_they_come(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as peer:
        peer.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 9999999999\r\n\r\n"
        )
        assert peer.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_in_endless_chunks_is_cut_off() -> None:
    with running({"plain": plain_lm()}, ServeOptions(port=0, max_body_bytes=50_000)) as client:
        with socket.create_connection(("127.0.0.1", client.port), timeout=20) as peer:
            peer.sendall(
                b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
            try:
                for _ in range(8):
                    peer.sendall(chunk)
            except OSError:
                pass  # it has hung up already
            assert peer.recv(100).startswith(b"HTTP/1.1 413")
        assert client.send("GET", "/health")[0] == 200


def test_slow_bytes_end_in_a_timeout() -> None:
    with running({"plain": plain_lm()}, ServeOptions(port=0, body_seconds=0.3)) as client:
        with socket.create_connection(("127.0.0.1", client.port), timeout=20) as peer:
            peer.sendall(
                b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
            )
            assert peer.recv(100).startswith(b"HTTP/1.1 408")
        assert client.ask(COMPLETE, prompt="a", max_tokens=1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_all(client: Client, stream: bool) -> None:
    connection = client.connect()
    connection.request("POST", COMPLETE, json.dumps({**LONG, "stream": stream}))
    assert client.comes_to(lambda engine: engine.load.n_running == 1)
    assert connection.sock is not None
    connection.sock.close()
    connection.close()
    assert client.becomes_idle()


def test_a_search_lets_others_go_on_and_ends_when_nobody_waits(client: Client) -> None:
    connection = client.connect()
    search = {"model": "both", "prompt": "the " * 200, "suffix": " sat", "max_tokens": 64}
    connection.request("POST", COMPLETE, json.dumps(search))
    assert client.comes_to(lambda engine: engine.load.n_waiting == 1)
    assert client.ask(COMPLETE, model="toy", prompt="a", max_tokens=1)
    assert connection.sock is not None
    connection.sock.close()
    connection.close()
    assert client.becomes_idle()
    assert not [t for t in threading.enumerate() if t.name == "tokkit-errand"]


def test_a_full_queue_refuses_and_whoever_leaves_it_frees_a_place() -> None:
    options = ServeOptions(port=0, max_running=1, max_queue=1)
    held = {**LONG, "prompt": "held"}
    lm = endless_lm()
    gate = Gate(lm, b"held")
    with running({"endless": lm}, options) as client:
        connections = [client.connect() for _ in range(2)]
        for k, connection in enumerate(connections):
            connection.request("POST", COMPLETE, json.dumps(held))
            assert client.comes_to(lambda engine, k=k: engine.n_open == k + 1)
        assert gate.reached.wait(20)
        status, body, headers = client.send("POST", COMPLETE, json.dumps(held).encode())
        assert status == 429
        assert headers["retry-after"] == "1"
        assert json.loads(body)["error"]["type"] == "rate_limit_error"
        for connection in connections:
            assert connection.sock is not None
            connection.sock.close()
            connection.close()
        gate.go.set()
        assert client.becomes_idle()
        assert client.ask(COMPLETE, prompt="a", max_tokens=1)


def test_the_newest_request_is_next() -> None:
    options = ServeOptions(port=0, max_running=1, max_queue=8)
    lm = endless_lm()
    gate = Gate(lm, b"first")
    with running({"endless": lm}, options) as client:
        fields = {"max_tokens": 2, "seed": 1}
        threads = [
            threading.Thread(target=client.ask, args=(COMPLETE,), kwargs={"prompt": name, **fields})
            for name in ("first", "old", "new")
        ]
        for k, thread in enumerate(threads):
            thread.start()
            assert client.comes_to(lambda engine, k=k: engine.n_open == k + 1)
            assert gate.reached.wait(20)  # so that the first one is drawn before the others come
        gate.go.set()
        for thread in threads:
            thread.join()
        places = [
            next(k for k, text in enumerate(gate.texts) if text.startswith(name))
            for name in (b"first", b"new", b"old")
        ]
        assert places == sorted(places)


def test_a_text_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with running({"endless": endless_lm()}, ServeOptions(port=0)) as client:
        turns = 0

        def clock() -> float:
            """The time is over once some of the text is there, however long that takes."""
            nonlocal turns
            turns += client.engine.load.n_running > 0
            return time.monotonic() + (ServeOptions.max_seconds if turns > 50 else 0)

        monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=clock))
        answer = client.ask(COMPLETE, **LONG)
        assert answer["choices"][0]["finish_reason"] == "length"
        assert 0 < answer["usage"]["completion_tokens"] < 4000
        assert client.becomes_idle()


def test_a_key_is_asked_for_where_there_is_one() -> None:
    options = ServeOptions(port=0, api_key="secret")
    with running({"toy": toy_lm()}, options) as client:
        assert client.ask(COMPLETE, prompt="a", max_tokens=1)
        for wrong in ("Bearer wrong", "Bearer ", "secret", "Bearer \xff"):
            status, body, _ = client.send("GET", "/v1/models", Authorization=wrong)
            assert status == 401
            assert json.loads(body)["error"]["code"] == "invalid_api_key"
        assert client.send("GET", "/health", Authorization="")[0] == 200
        status, _, _ = client.send("GET", "/v1/models", Authorization="", X_Api_Key="secret")
        assert status == 200


def test_pages_of_others_are_kept_out(client: Client) -> None:
    body = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
    assert client.send("POST", COMPLETE, body, Origin="https://evil.example")[0] == 403
    assert client.send("POST", COMPLETE, body, Origin="null")[0] == 403
    assert client.send("POST", COMPLETE, body, Host="evil.example")[0] == 403
    own = f"http://127.0.0.1:{client.port}"
    status, _, headers = client.send("POST", COMPLETE, body, Origin=own)
    assert status == 200
    assert "access-control-allow-origin" not in headers


def test_pages_that_are_permitted_may_come() -> None:
    options = ServeOptions(port=0, cors_origins=["https://good.example"])
    with running({"toy": toy_lm()}, options) as client:
        body = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
        status, _, headers = client.send("POST", COMPLETE, body, Origin="https://good.example")
        assert (status, headers["access-control-allow-origin"]) == (200, "https://good.example")
        assert client.send("POST", COMPLETE, body, Origin="https://evil.example")[0] == 403


def test_other_machines_need_a_key() -> None:
    with pytest.raises(ArgumentError, match="API key"):
        ServeOptions(host="0.0.0.0")
    assert not ServeOptions(host="0.0.0.0", api_key="k").is_local
    with pytest.raises(ArgumentError, match="max_seconds"):
        ServeOptions(max_seconds=0)


def test_a_model_that_fails_takes_its_own_texts_with_it_alone() -> None:
    lm = plain_lm()
    token_lm = lm.token_lm
    whole = token_lm.next_token_logprobs
    fails = threading.Event()

    def next_token_logprobs(contexts):
        if fails.is_set():
            raise RuntimeError("out of memory")
        return whole(contexts)

    token_lm.next_token_logprobs = next_token_logprobs  # pyright: ignore[reportAttributeAccessIssue]
    with running({"plain": lm, "toy": toy_lm()}) as client:
        assert client.ask(COMPLETE, model="plain", prompt="a", max_tokens=1)
        fails.set()
        status, body = client.refused(COMPLETE, model="plain", prompt="ab", max_tokens=5)
        assert status == 500 and "out of memory" in body["error"]["message"]
        assert client.ask(COMPLETE, model="toy", prompt="a", max_tokens=1)
        fails.clear()
        assert client.ask(COMPLETE, model="plain", prompt="a", max_tokens=1)
        assert client.becomes_idle()
