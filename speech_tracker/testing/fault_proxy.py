"""An HTTP proxy that goes wrong on demand: server errors, resets, silence, slowness, a server that is not there.

It stands between a client and a real server::

    with FaultProxy("http://127.0.0.1:8080") as proxy:
        proxy.fail("/graphql", status=500, times=3)
        ...  # the client talks to proxy.url

Optionally a `Service` answers or changes requests before they reach the server (`wandb_service` is one).
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

Kind = Literal["status", "reset", "lost", "hang", "slow"]

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "te"})


@dataclass(slots=True)
class Fault:
    """What is to go wrong.

    Attributes:
        pattern: searched for in method and path (``POST /files/…/file_stream``) and, for GraphQL, the operation's name.
        kind: ``status`` answers with an error; ``reset`` closes the connection before the server sees the request;
            ``lost`` after it has dealt with it, so that only the answer is lost; ``hang`` never answers; ``slow`` waits.
        status: the error's status.
        seconds: how long ``slow`` waits, or what Retry-After says.
        times: how often; None for ever.
        happened: how often it has.
    """

    pattern: str
    kind: Kind
    status: int = 500
    seconds: float = 0.0
    times: int | None = None
    happened: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Service(Protocol):
    """Stands between the proxy and the server."""

    def handle(self, request: Request, forward: Any) -> Response:
        """Answer `request`; ``forward(request)`` asks the server."""


class FaultProxy:
    """The proxy; a context manager.

    Args:
        upstream: the server's address.
        service: answers or changes requests, if given.

    Attributes:
        url: the proxy's own address.
        requests: what arrived, as (seconds since the start, label); the label is what fault patterns are searched in.
    """

    def __init__(self, upstream: str, service: Service | None = None) -> None:
        self.upstream = upstream
        self.service = service
        self.requests: list[tuple[float, str]] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._over = threading.Event()
        self.up()
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.down()

    # ---- what goes wrong ----------------------------------------------------------------------------------------

    def fail(self, pattern: str, *, status: int = 500, times: int | None = None, retry_after: float = 0.0) -> Fault:
        """Answer with an error."""
        return self._add(Fault(pattern, "status", status, retry_after, times))

    def reset(self, pattern: str, *, times: int | None = None) -> Fault:
        """Close the connection before the server sees the request."""
        return self._add(Fault(pattern, "reset", times=times))

    def lose_answer(self, pattern: str, *, times: int | None = None) -> Fault:
        """Let the server do what it is asked, and close the connection instead of passing its answer on."""
        return self._add(Fault(pattern, "lost", times=times))

    def hang(self, pattern: str, *, times: int | None = None) -> Fault:
        """Take the request and never answer."""
        return self._add(Fault(pattern, "hang", times=times))

    def slow(self, pattern: str, seconds: float, *, times: int | None = None) -> Fault:
        """Answer late."""
        return self._add(Fault(pattern, "slow", seconds=seconds, times=times))

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Let nothing go wrong from now on; requests that hang are dropped."""
        with self._lock:
            self._faults.clear()

    def down(self) -> None:
        """Refuse connections."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def up(self) -> None:
        """Accept connections, on the same port as before."""
        proxy = self

        class Handler(_Handler):
            owner = proxy

        server = _Server(("127.0.0.1", self._port), Handler)
        self._port = int(server.server_address[1])
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), name="fault-proxy", daemon=True).start()

    def count(self, pattern: str) -> int:
        """Return how many requests with `pattern` have arrived."""
        return sum(bool(re.search(pattern, label)) for _, label in self.requests)

    # ---- one request --------------------------------------------------------------------------------------------

    def take(self, label: str) -> Fault | None:
        """Return what goes wrong with a request, and count it."""
        with self._lock:
            self.requests.append((time.monotonic() - self._began, label))
            for fault in self._faults:
                if re.search(fault.pattern, label) and (fault.times is None or fault.happened < fault.times):
                    fault.happened += 1
                    return fault
        return None

    def answer(self, request: Request) -> Response:
        """Return the server's answer, or the service's."""
        if self.service is not None:
            return self.service.handle(request, self.forward)
        return self.forward(request)

    def forward(self, request: Request) -> Response:
        """Ask the server; one that is not there is a 502, as with a real proxy."""
        parts = urlsplit(self.upstream)
        try:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
            try:
                # the server makes the addresses that it hands out from this header: they are to lead here
                headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP_BY_HOP}
                connection.request(request.method, request.path, body=request.body or None, headers=headers)
                response = connection.getresponse()
                kept = {key: value for key, value in response.getheaders() if key.lower() not in _HOP_BY_HOP}
                return Response(response.status, response.read(), kept)
            finally:
                connection.close()
        except OSError as error:
            return Response(502, f"no server: {error}".encode())

    def wait_while_hanging(self, fault: Fault) -> None:
        """Return when `fault` was healed or the proxy ends."""
        while not self._over.wait(0.1):
            with self._lock:
                if fault not in self._faults:
                    return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        fault = self.owner.take(_label(request))
        if fault is not None and fault.kind != "slow":
            if fault.kind == "lost":
                self.owner.answer(request)
            if fault.kind == "hang":
                self.owner.wait_while_hanging(fault)
            if fault.kind == "status":
                headers = {"Retry-After": str(fault.seconds)} if fault.seconds else {}
                self._reply(Response(fault.status, b'{"error": "on demand"}', headers))
            else:
                self._reset()
            return
        if fault is not None:
            time.sleep(fault.seconds)
        self._reply(self.owner.answer(request))

    def _reply(self, response: Response) -> None:
        self.send_response(response.status)
        for key, value in response.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def _reset(self) -> None:
        self.close_connection = True
        # lingering for no time makes the close a reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


_OPERATION = re.compile(rb'"(?:query|operationName)"\s*:\s*"(?:\\n|\s)*(?:(?:query|mutation)\s+)?(\w+)')


def _label(request: Request) -> str:
    label = f"{request.method} {request.path}"
    if request.path.startswith("/graphql"):
        found = _OPERATION.search(request.body)
        label += f" {found[1].decode()}" if found else ""
    return label
