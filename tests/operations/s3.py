"""moto's S3 server on loopback, which can be told to answer wrongly for a while.

with FaultyS3() as s3:
    s3.fail(Fault(status=500, when=writes(".pulumi/stacks/test/test.json")))
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from types_boto3_s3 import S3Client

_CODES = {401: "InvalidAccessKeyId", 403: "AccessDenied", 404: "NoSuchBucket", 500: "InternalError", 503: "SlowDown"}


def writes(key: str) -> Callable[[str, str], bool]:
    """Requests that write an object's content; copies to it are others."""
    return lambda method, target: method == "PUT" and target.endswith(f"/{key}?x-id=PutObject")


def everything(_method: str, _target: str) -> bool:
    """Every request."""
    return True


@dataclass(kw_only=True)
class Fault:
    """An answer that is not the store's, for some requests, a number of times or until it is lifted."""

    when: Callable[[str, str], bool]
    status: int = 0
    """0 lets the request through, after the delay."""
    delay: float = 0.0
    """Seconds before the answer."""
    times: int = 1000
    after: int = 0
    """How many matching requests are let through first."""
    met: int = 0
    """How many requests it was given to."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: what clients see is what counts."""


@dataclass
class FaultyS3:
    """An S3 server of its own, with nothing in it."""

    faults: list[Fault] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="s3", daemon=True)
        self._thread.start()
        self.client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="owner",
            aws_secret_access_key="owner",
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.port}"

    def fail(self, fault: Fault) -> Fault:
        """Answer wrongly from now on."""
        with self._lock:
            self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Answer truly again."""
        with self._lock:
            self.faults.clear()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        fault = self._fault_for(environ["REQUEST_METHOD"], _target(environ))
        if fault is not None:
            time.sleep(fault.delay)
            if fault.status:
                return _refuse(fault.status, environ, start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _fault_for(self, method: str, target: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.when(method, target):
                    if fault.after:
                        fault.after -= 1
                    elif fault.met < fault.times:
                        fault.met += 1
                        return fault
        return None


def _target(environ: dict[str, Any]) -> str:
    """The path with its query: "/bucket?versioning"."""
    query = environ["QUERY_STRING"]
    return f"{environ['PATH_INFO']}?{query}" if query else str(environ["PATH_INFO"])


def _refuse(status: int, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    # A body that is not read would cut the connection, which clients take for another fault than the one meant.
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = f"<?xml version='1.0'?><Error><Code>{_CODES[status]}</Code><Message>injected</Message></Error>".encode()
    start_response(f"{status} injected", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return iter([body])
