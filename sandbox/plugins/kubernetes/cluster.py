"""One cluster's API: objects in, objects out, through the official client's transport.

Objects stay plain dictionaries, since any kind may come along. The client is imported and the cluster is
contacted at the first request, not before: several of these plugins start at once, and in a preview most
have no cluster yet.
"""

from __future__ import annotations

import contextlib
import enum
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError, UnreachableError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, kind, name, namespace
from sandbox.plugins.kubernetes.transport import make_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubernetes.client import ApiClient

    from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig

_CONNECT_SECONDS: Final = 10.0
# An admission webhook may take 30 s, the API server's own bound.
_READ_SECONDS: Final = 60.0
_JSON: Final = "application/json"
_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"


class Effect(enum.Enum):
    """Whether the server keeps what it is told, or only says what it would become."""

    KEPT = "kept"
    DRY_RUN = "dry run"


class Conflicts(enum.Enum):
    """What an apply does with fields that other managers own."""

    REFUSED = "refused"
    OVERWRITTEN = "overwritten"


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where the objects of one kind are."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(self, space: str = "", object_name: str = "") -> str:
        """The path of the objects in a namespace (empty: in all), or of one of them."""
        parts = ["apis", self.kind.group] if self.kind.group else ["api"]
        parts.append(self.kind.version)
        if self.namespaced and space:
            parts += ["namespaces", space]
        parts.append(self.plural)
        if object_name:
            parts.append(object_name)
        return "/" + "/".join(parts)


class Cluster:
    """The API of one cluster. Safe for use by several threads."""

    def __init__(self, kubeconfig: Kubeconfig) -> None:
        self.default_namespace = kubeconfig.namespace
        self._kubeconfig = kubeconfig
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._routes: dict[str, dict[str, Route]] = {}

    def version(self) -> tuple[int, int]:
        """Major and minor version of the API server. Raises UnreachableError."""
        info = self.request("GET", "/version")
        digits = "".join(filter(str.isdigit, str(info.get("minor", "0"))))
        return int(info.get("major") or 0), int(digits or 0)

    def route(self, wanted: Kind) -> Route:
        """Where objects of a kind are. Raises NoMatchError if the server has no such kind.

        What a server has is asked for once per group and version, and again for a kind that was missing:
        its CustomResourceDefinition may have come since.
        """
        known = self._routes.get(wanted.api_version, {})
        if wanted.kind not in known:
            known = self._routes[wanted.api_version] = self._discover(wanted)
        if wanted.kind not in known:
            raise NoMatchError(wanted.api_version, wanted.kind)
        return known[wanted.kind]

    def has(self, wanted: Kind) -> bool:
        """Whether the server has such objects."""
        try:
            self.route(wanted)
        except NoMatchError:
            return False
        return True

    def address(self, obj: Object) -> str:
        """The path of an object, which lives in the default namespace unless it says otherwise."""
        return self.route(kind(obj)).path(self.namespace_of(obj), name(obj))

    def namespace_of(self, obj: Object) -> str:
        """The namespace in which the server keeps the object, empty if its kind has none."""
        return (namespace(obj) or self.default_namespace) if self.route(kind(obj)).namespaced else ""

    def get(self, obj: Object) -> Object:
        """The live object that has the kind, namespace and name of the one given. Raises ApiError."""
        return self.request("GET", self.address(obj))

    def list_objects(self, wanted: Kind, space: str = "", **query: str) -> list[Object]:
        """The objects of a kind in a namespace, or in all. Options are the API's: labelSelector..."""
        items = self.request("GET", self.route(wanted).path(space), query=query).get("items") or []
        # A list leaves out what all its items share.
        return [{"apiVersion": wanted.api_version, "kind": wanted.kind, **item} for item in items]

    def create(self, obj: Object, *, field_manager: str, effect: Effect) -> Object:
        """Make the object; it must not exist. Raises ApiError."""
        path = self.route(kind(obj)).path(self.namespace_of(obj))
        query = {"fieldManager": field_manager, **_dry_run(effect)}
        return self.request("POST", path, query=query, body=self._placed(obj))

    def apply(self, obj: Object, *, field_manager: str, conflicts: Conflicts, effect: Effect) -> Object:
        """Server-side apply: the manager owns the fields given and no others. Raises ApiError."""
        query = {
            "fieldManager": field_manager,
            "force": "true" if conflicts is Conflicts.OVERWRITTEN else "false",
            **_dry_run(effect),
        }
        return self.request("PATCH", self.address(obj), query=query, body=self._placed(obj), content_type=_APPLY)

    def replace(self, obj: Object, *, field_manager: str, effect: Effect) -> Object:
        """Put the object in place of the one that is there. Raises ApiError."""
        query = {"fieldManager": field_manager, **_dry_run(effect)}
        return self.request("PUT", self.address(obj), query=query, body=self._placed(obj))

    def json_patch(self, obj: Object, operations: list[Object]) -> Object:
        """Change the live object by JSON patch operations (RFC 6902). Raises ApiError."""
        return self.request("PATCH", self.address(obj), body=operations, content_type=_JSON_PATCH)

    def delete(self, obj: Object, *, propagation: str) -> None:
        """Ask for the object's removal, which may take its time. Raises ApiError."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        self.request("DELETE", self.address(obj), body=options)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = _JSON,
    ) -> Object:
        """The decoded answer to one request. Raises ApiError or UnreachableError."""
        response = self._open(method, path, query=query, body=body, content_type=content_type)
        try:
            content: bytes = response.data
        finally:
            response.release_conn()
        if not 200 <= response.status < 300:
            raise ApiError.from_response(response.status, content)
        return self._decode(content)

    @contextlib.contextmanager
    def stream(self, path: str, query: Mapping[str, str]) -> Iterator[tuple[Any, Iterator[bytes]]]:
        """A watch: urllib3's response, which another thread may shut down, and what comes out of it.

        Raises ApiError or UnreachableError, the latter also when the stream breaks.
        """
        from urllib3.exceptions import HTTPError

        response = self._open("GET", path, query=query)
        try:
            if response.status != 200:
                raise ApiError.from_response(response.status, response.data)
            yield response, response.stream()
        except HTTPError as error:
            raise self._unreachable(str(error)) from error
        finally:
            response.close()

    def _open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = _JSON,
    ) -> Any:
        """The answer to one request, unread, as urllib3's response. Raises UnreachableError."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError, MaxRetryError

        client = self._connected()
        request = client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": _JSON, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = client.call_api(*request, _request_timeout=(_CONNECT_SECONDS, _READ_SECONDS))
        except ApiException as error:  # TLS trouble, which the client wraps
            raise self._unreachable(str(error.reason)) from error
        except HTTPError as error:
            reason = error.reason if isinstance(error, MaxRetryError) else error
            raise self._unreachable(str(reason)) from error
        return answer.response

    def _decode(self, content: bytes) -> Object:
        try:
            decoded = json.loads(content) if content else {}
        except ValueError:
            raise self._unreachable("what answers there is no API server: its answer is no JSON") from None
        return decoded if isinstance(decoded, dict) else {}

    def _placed(self, obj: Object) -> Object:
        """The object with the namespace in which the server keeps it, and none if its kind has none.

        A custom resource is taken to be namespaced before its definition is there to tell.
        """
        fields = dict(obj.get("metadata") or {})
        fields.pop("namespace", None)
        space = self.namespace_of(obj)
        return {**obj, "metadata": {**fields, "namespace": space} if space else fields}

    def _unreachable(self, reason: str) -> UnreachableError:
        return UnreachableError(f"the API server at {self._kubeconfig.server} cannot be reached: {reason}")

    def _connected(self) -> ApiClient:
        with self._lock:
            if self._client is None:
                self._client = make_client(self._kubeconfig)
            return self._client

    def _discover(self, wanted: Kind) -> dict[str, Route]:
        prefix = f"/apis/{wanted.api_version}" if wanted.group else f"/api/{wanted.version}"
        try:
            resources = self.request("GET", prefix).get("resources") or []
        except ApiError as error:
            if error.not_found:
                return {}
            raise
        return {
            entry["kind"]: Route(
                kind=Kind(wanted.group, wanted.version, entry["kind"]),
                plural=entry["name"],
                namespaced=bool(entry.get("namespaced")),
            )
            for entry in resources
            if "/" not in entry["name"]  # subresources, such as deployments/scale
        }


def _dry_run(effect: Effect) -> dict[str, str]:
    return {"dryRun": "All"} if effect is Effect.DRY_RUN else {}
