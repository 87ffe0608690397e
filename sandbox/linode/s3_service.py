"""The account's buckets over the S3 protocol, at the API's own address.

moto serves them from memory, from the first request on: a sandbox whose buckets nobody uses does without it, and what
was put into a bucket is gone when the sandbox stops. Requests to S3 are told by their signature (AWS4-HMAC-SHA256).
Their key must be one of the account's and reach the bucket, as at Linode; the signature itself is not checked, since
the account keeps no secret.
"""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.linode.object_store import Usage
from sandbox.linode.state.records import BucketRecord, StorageKeyRecord

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sandbox.linode.state import Store

_SIGNED: Final = re.compile(r"AWS4-HMAC-SHA256 .*?Credential=(?P<key>[^/,\s]+)/")
_READING: Final = ("GET", "HEAD")
_ACCOUNT: Final = "123456789012"
"""moto's own name of an account whose caller says none (moto.core.common_models.DEFAULT_ACCOUNT_ID)."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class MemoryObjectStore:
    """Buckets in this process. Until `answer` is first called it knows their names alone."""

    _names: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _served: tuple[Any, Any] | None = None
    """The WSGI application, and moto's backend behind it."""

    def create(self, bucket: str) -> None:
        """Make a bucket; one that is there stays as it is."""
        with self._lock:
            self._names.add(bucket)
            if self._served and bucket not in self._served[1].buckets:
                self._served[1].create_bucket(bucket, "us-east-1")

    def delete(self, bucket: str) -> None:
        """Remove an empty bucket; one that is gone is no error."""
        with self._lock:
            self._names.discard(bucket)
            if self._served and bucket in self._served[1].buckets:
                self._served[1].delete_bucket(bucket)

    def usage(self, bucket: str) -> Usage:
        """What lies in it."""
        with self._lock:
            found = self._served[1].buckets.get(bucket) if self._served else None
            sizes = [versions[-1].size for _, versions in found.keys.lists()] if found else []
        return Usage(objects=len(sizes), size=sum(sizes))

    def answer(self, request: Request, body: bytes) -> _Answer:
        """What S3 says to a request; takes as long as moto takes to load, at first."""
        from werkzeug.test import create_environ, run_wsgi_app

        environ = create_environ(
            path=request.url.path,
            query_string=request.url.query,
            base_url=str(request.base_url),
            method=request.method,
            headers=list(request.headers.items()),
            data=body,
        )
        with self._lock:
            content, status, headers = run_wsgi_app(self._serve()[0], environ)
            return _Answer(status=int(status.split()[0]), headers=list(headers), body=b"".join(content))

    def _serve(self) -> tuple[Any, Any]:
        if self._served is None:
            from moto.backends import get_backend
            from moto.moto_server.werkzeug_app import create_backend_app

            self._served = create_backend_app("s3"), get_backend("s3")[_ACCOUNT]["aws"]
            for name in self._names:
                self._served[1].create_bucket(name, "us-east-1")
        return self._served


class S3Door:
    """ASGI middleware that answers what is signed for S3, and lets everything else through."""

    def __init__(self, app: ASGIApp, *, store: Store, objects: MemoryObjectStore) -> None:
        self._app, self._store, self._objects = app, store, objects
        with store.transaction() as state:
            for bucket in state.all(BucketRecord):
                objects.create(bucket.label)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        signed = scope["type"] == "http" and _SIGNED.match(Request(scope).headers.get("authorization", ""))
        if not signed:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = self._refusal(signed["key"], request)
        body = await request.body()
        answer = refusal if refusal else await asyncio.to_thread(self._objects.answer, request, body)
        response = Response(answer.body, status_code=answer.status)
        response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
        await response(scope, receive, send)

    def _refusal(self, access_key: str, request: Request) -> _Answer | None:
        """Why a key may not do this; None where it may."""
        bucket = request.url.path.strip("/").partition("/")[0]
        with self._store.transaction() as state:
            key = next((one for one in state.all(StorageKeyRecord) if one.access_key == access_key), None)
        if key is None:
            return _refused("InvalidAccessKeyId", "The access key is not known.")
        if key.bucket_access is None:
            return None
        granted = {grant.bucket_name: grant.permissions for grant in key.bucket_access}.get(bucket)
        if granted == "read_write" or (granted and request.method in _READING):
            return None
        return _refused("AccessDenied", "This key does not reach that.")


def _refused(code: str, message: str) -> _Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    headers = [("content-type", "application/xml"), ("content-length", str(len(body)))]
    return _Answer(status=HTTPStatus.FORBIDDEN, headers=headers, body=body)
