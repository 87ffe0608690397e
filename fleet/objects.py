"""Objects of any kind by their paths: what they are called and who manages them, and changes of that.

What they hold is not fetched (https://kubernetes.io/docs/reference/using-api/api-concepts/, metadata-only fetches).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fleet.lke import readiness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubernetes.client import ApiClient

PAGE_SIZE: Final = 500
METADATA_ALONE: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def kinds(api: ApiClient) -> Iterator[tuple[str, str, bool]]:
    """What can be listed and patched: the path of its group and version, its plural, and whether it has namespaces.

    Raises:
        ApiException: the API server refuses, or a server behind it does not answer.
    """
    groups = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in get(api, "/apis")["groups"]]
    for group in ["/api/v1", *groups]:
        for found in get(api, group)["resources"]:
            if "/" not in found["name"] and {"list", "patch"} <= set(found["verbs"]):
                yield group, found["name"], found["namespaced"]


def listed(api: ApiClient, path: str) -> Iterator[dict[str, Any]]:
    """The metadata of all objects of a kind. Raises ApiException."""
    token = ""
    while True:
        query = [("limit", str(PAGE_SIZE)), *([("continue", token)] if token else [])]
        page = _call(api, path, "GET", query_params=query, header_params={"Accept": METADATA_ALONE})
        # Of nothing an API server makes null, in lists of metadata alone.
        yield from (item["metadata"] for item in page["items"] or ())
        token = page["metadata"].get("continue", "")
        if not token:
            return


def get(api: ApiClient, path: str) -> Any:
    """What the API server answers at a path. Raises ApiException."""
    return _call(api, path, "GET", header_params={"Accept": "application/json"})


def patch(api: ApiClient, path: str, body: Mapping[str, Any]) -> None:
    """Merge something into an object that may be gone by now. Raises ApiException."""
    from kubernetes.client import ApiException

    headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
    try:
        _call(api, path, "PATCH", header_params=headers, body=body)
    except ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def _call(api: ApiClient, path: str, method: str, **options: Any) -> Any:
    request = api.param_serialize(method, path, auth_settings=["BearerToken"], **options)
    response = api.call_api(*request, _request_timeout=readiness.REQUEST_TIMEOUT_SECONDS)
    response.read()  # type: ignore[no-untyped-call]  # the client has no annotations
    return api.response_deserialize(response, response_types_map={"2XX": "object"}).data
