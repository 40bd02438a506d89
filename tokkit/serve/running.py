"""A server that runs until it is interrupted: `serve`."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

import uvicorn

from tokkit.arguments import say_nothing
from tokkit.bytelm.byte_model import ByteModel
from tokkit.errors import refused_by_system
from tokkit.serve.app import make_app
from tokkit.serve.options import ServeOptions

_SPARE_CONNECTIONS = 64
_MAX_HEAD_BYTES = 1 << 15
_BACKLOG = 128


class Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], object]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._announce()


def bind(options: ServeOptions) -> socket.socket:
    """A socket that listens at the address of some options; see `answering_loading`.

    Raises:
        FormatError: the system refuses it, for example because another program has it.
    """
    where = f"{options.host} port {options.port}"
    with refused_by_system(f"listen at {where}", "choose another --port, or --port 0"):
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((options.host, options.port))
            # At once: until one listens, another server that takes over old addresses may bind.
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    return listener


def make_server(
    models: Mapping[str, ByteModel],
    options: ServeOptions,
    announce: Callable[[], object] = say_nothing,
    templates: Mapping[str, str] | None = None,
) -> Server:
    """A server over models; `run(sockets=[bind(options)])` runs it.

    Args:
        models: by name.
        options: what is permitted.
        announce: called once it listens.
        templates: of chats; see `make_app`.
    """
    config = uvicorn.Config(
        make_app(models, options, templates),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        limit_concurrency=options.max_running + options.max_queue + _SPARE_CONNECTIONS,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        timeout_graceful_shutdown=3,
    )
    return Server(config, announce)


def serve(
    models: Mapping[str, ByteModel],
    options: ServeOptions,
    announce: Callable[[str], object] = say_nothing,
    templates: Mapping[str, str] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve models until the process is interrupted.

    Args:
        models: by name; the first is asked where a request names none.
        options: what is permitted.
        announce: called with the URL once the server listens.
        templates: of chats, of those models that have one; see `make_app`.
        listener: what `bind` gave, for who wants the address before the models are loaded; it is
            closed at the end. None binds one.

    Raises:
        ArgumentError: no models.
        FormatError: the address cannot be had.
    """
    with bind(options) if listener is None else listener as bound:
        port = bound.getsockname()[1]
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{port}"
        server = make_server(models, options, lambda: announce(url), templates)
        server.run(sockets=[bound])
