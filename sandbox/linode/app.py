"""The API as a Starlette application: every operation below /v4 and, as with Linode, below /v4beta."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from sandbox.linode.dispatch import Endpoint, UnknownPath
from sandbox.linode.routes import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.linode.account import Services
    from sandbox.linode.operations import Operation


def create_app(services: Services) -> Starlette:
    """The application of one emulated account."""
    by_path: dict[str, list[Operation]] = defaultdict(list)
    for operation in OPERATIONS:
        by_path[operation.path].append(operation)
    # Starlette takes the first route that matches: a fixed name goes before a parameter.
    paths = sorted(by_path, key=lambda path: [part.startswith("{") for part in path.split("/")])
    routes = [Route(path, Endpoint(services, by_path[path])) for path in paths]
    unknown = UnknownPath(services)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await services.reconciler.start()
        try:
            yield
        finally:
            await services.reconciler.stop()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Mount("/v4", routes=[*routes, Mount("/", app=unknown)]),
            Mount("/v4beta", routes=[*routes, Mount("/", app=unknown)]),
            Mount("/", app=unknown),
        ],
    )
