"""The API as a Starlette application: every operation below /v4 and, as with Linode, below /v4beta."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from sandbox.linode.dispatch import Endpoint, UnknownPath
from sandbox.linode.operations import Version
from sandbox.linode.routes import OPERATIONS
from sandbox.linode.s3_service import MemoryObjectStore, S3Door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.linode.operations import Operation
    from sandbox.linode.services import Services


def create_app(services: Services) -> Starlette:
    """The application of one emulated account."""
    by_path: dict[str, list[Operation]] = defaultdict(list)
    for operation in OPERATIONS:
        by_path[operation.path].append(operation)
    # Starlette takes the first route that matches: a fixed name goes before a parameter.
    paths = sorted(by_path, key=lambda path: [part.startswith("{") for part in path.split("/")])
    unknown = UnknownPath(services)
    objects, store = services.account.object_store, services.account.store
    served = [Middleware(S3Door, store=store, objects=objects)] if isinstance(objects, MemoryObjectStore) else []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await services.reconciler.start()
        try:
            yield
        finally:
            await services.reconciler.stop()

    return Starlette(
        lifespan=lifespan,
        middleware=served,
        routes=[
            *(
                Mount(
                    f"/{version}",
                    routes=[
                        *(Route(path, Endpoint(services, by_path[path], version)) for path in paths),
                        Mount("/", app=unknown),
                    ],
                )
                for version in Version
            ),
            Mount("/", app=unknown),
        ],
    )
