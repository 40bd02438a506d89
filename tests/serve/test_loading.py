"""Until its models are loaded, a server keeps its address and says that it is loading."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from tokkit.errors import FormatError
from tokkit.serve.loading import answering_loading
from tokkit.serve.options import ServeOptions
from tokkit.serve.running import bind


def test_two_servers_that_load_at_once_do_not_share_a_port() -> None:
    with bind(ServeOptions(port=0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(FormatError, match=f"port {port}"):
            bind(ServeOptions(port=port))
    with bind(ServeOptions(port=port)) as again:
        assert again.getsockname()[1] == port


def test_whoever_asks_meanwhile_is_told_to_come_again() -> None:
    with bind(ServeOptions(port=0)) as listener:
        port = listener.getsockname()[1]
        with answering_loading(listener):
            with socket.create_connection(("127.0.0.1", port)):  # says nothing, and is left
                pass
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/v1/completions", b"x" * 100_000)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert json.loads(answer.read())["error"]["code"] == 503
            connection.close()
        assert listener.gettimeout() is None
