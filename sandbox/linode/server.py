"""The API as a server: started, used and stopped by a program, or served inside an event loop of its own."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import uvicorn

from sandbox.errors import SandboxError
from sandbox.linode.account import Account
from sandbox.linode.app import create_app
from sandbox.linode.auth import Scopes, digest
from sandbox.linode.balancers import NoBalancers
from sandbox.linode.catalogue import Catalogue
from sandbox.linode.limits import PUBLISHED, RateLimiter, RateLimits
from sandbox.linode.object_store import NoObjectStore
from sandbox.linode.reconciler import Reconciler
from sandbox.linode.services import Services
from sandbox.linode.simulated import SimulatedBackend
from sandbox.linode.state import Store
from sandbox.linode.state.records import TokenRecord

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from starlette.applications import Starlette

    from sandbox.linode.backend import ClusterBackend
    from sandbox.linode.balancers import BalancerBackend
    from sandbox.linode.object_store import ObjectStore

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0


@dataclass(frozen=True, kw_only=True, repr=False)
class AccessToken:
    """A token that the server accepts from its start; not shown by repr, since the secret is in it."""

    secret: str
    scopes: str = "*"
    label: str = "sandbox"
    limits: RateLimits | None = None
    """Of whoever has it; None for those of the server."""


@dataclass(frozen=True, kw_only=True)
class LinodeApiArgs:
    """How one emulated account is served."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port."""
    state: Path | None = None
    """The file that keeps the account; None keeps it in memory, and it ends with the server."""
    tokens: tuple[AccessToken, ...] = ()
    """None given makes one with all rights, `LinodeApi.token`."""
    limits: RateLimits = PUBLISHED
    answer_seconds: float = 0
    """How long every answer takes at least: from afar, half a second and more."""
    kubernetes_versions: tuple[str, ...] = ()
    """Minor versions to offer; none given offers what the toolchain can build."""
    backend: ClusterBackend | None = None
    """What makes clusters real; None simulates them."""
    balancers: BalancerBackend | None = None
    """What carries the traffic of load balancers; None keeps records of them alone."""
    object_store: ObjectStore | None = None
    """Where buckets really are; None keeps records of them alone."""


class _Server(uvicorn.Server):
    """Uvicorn, telling when it listens or has failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        self.settled.set()

    def run_until_stopped(self, listening: socket.socket) -> None:
        """Serve in an event loop of this thread's own."""
        try:
            asyncio.run(self.serve([listening]))
        finally:
            self.settled.set()


class LinodeApi:
    """An emulated Linode account behind an HTTP server.

    As a context manager it serves on a thread of its own. `url` and `token` are what a client needs; linode_api4 takes
    ``f"{api.url}/v4"`` as its base_url, the Pulumi provider takes it as ``linode:url``.
    """

    def __init__(self, args: LinodeApiArgs | None = None) -> None:
        """Prepare the account; nothing listens yet. Raises SandboxError if the state cannot be opened."""
        self._args = args or LinodeApiArgs()
        tokens = self._args.tokens or (AccessToken(secret=secrets.token_hex(32)),)
        self.token = tokens[0].secret
        self._account = Account(
            catalogue=Catalogue.load(kubernetes_versions=self._args.kubernetes_versions),
            store=Store(self._args.state),
            backend=self._args.backend or SimulatedBackend(),
            balancers=self._args.balancers or NoBalancers(),
            object_store=self._args.object_store or NoObjectStore(),
        )
        for token in tokens:
            _accept(self._account, token)
        self.app: Starlette = create_app(
            Services(
                account=self._account,
                reconciler=Reconciler(self._account),
                limiter=RateLimiter(
                    self._args.limits,
                    own={digest(token.secret): token.limits for token in tokens if token.limits is not None},
                ),
                answer_seconds=self._args.answer_seconds,
            )
        )
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where the API listens, with no path. Raises RuntimeError if the server is not started."""
        if self._socket is None:
            raise RuntimeError("the Linode API is not started, so it has no address yet")
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Listen, on a thread of its own.

        Raises SandboxError if the address is taken, or is none of this machine's, or the server did not come up.
        """
        self._socket = _listen(self._args.host, self._args.port)
        # Nothing is logged for each request: the clients say what they did.
        self._server = _Server(uvicorn.Config(self.app, log_level="warning", access_log=False))
        self._thread = threading.Thread(
            target=self._server.run_until_stopped, args=(self._socket,), name="linode-api", daemon=True
        )
        self._thread.start()
        self._server.settled.wait(_START_TIMEOUT)
        if not self._server.started:
            raise SandboxError(
                what="Cannot start the emulated Linode API",
                why=f"it does not listen after {_START_TIMEOUT:.0f} s, or has ended",
                remedy="See its log, then run again",
            )

    def stop(self) -> None:
        """Stop listening and close the state."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_TIMEOUT)
        if self._socket is not None:
            self._socket.close()
        self._account.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _accept(account: Account, token: AccessToken) -> None:
    """Let a token in; one that the state already has keeps its record, but for what it may do."""
    Scopes.parse(token.scopes)
    with account.store.transaction() as state:
        for known in state.all(TokenRecord):
            if known.digest == digest(token.secret):
                state.put(known.model_copy(update={"scopes": token.scopes}))
                return
        state.put(
            TokenRecord(
                id=state.next_id(TokenRecord),
                label=token.label,
                scopes=token.scopes,
                digest=digest(token.secret),
                prefix=token.secret[:16],
                created=account.timestamp(),
            )
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise SandboxError(
            what=f"Cannot serve the emulated Linode API at {host}:{port}",
            why=error.strerror or str(error),
            remedy="Choose another address, or end whatever has it",
        ) from error
    # asyncio sets this only for sockets made as IPPROTO_TCP. Without it the second packet of an answer, its body, waits
    # 40 ms for the client's delayed acknowledgement of the first; accepted connections inherit it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
