"""The Linode API as this provider uses it: linode_api4's client, with its errors in a user's words.

The client brings authentication, TLS, and patience: it repeats what was answered with 408, 429 or 502, and after 429
waits as long as Retry-After says.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sandbox.plugins.framework import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from linode_api4 import LinodeClient

    from sandbox.plugins.linode.settings import Settings

Json: TypeAlias = dict[str, Any]

_PAGE_SIZE: Final = 500  # the largest that the API allows
_RETRIES: Final = 10
_LOG: Final = logging.getLogger(__name__)


class ApiFailureError(ProviderError):
    """The API refused. The message has its reasons, each with the field that it is about."""

    def __init__(self, message: str, *, status: HTTPStatus) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """A connection to one account. Use one in each thread."""

    def __init__(self, client: LinodeClient, address: str) -> None:
        """`address` is named when nobody answers there."""
        self._client = client
        self._address = address

    def get(self, path: str) -> Json:
        """One object."""
        found: Json = self._call(self._client.get, path)
        return found

    def find(self, path: str) -> Json | None:
        """One object, or None if there is none."""
        try:
            return self.get(path)
        except ApiFailureError as error:
            if error.status is HTTPStatus.NOT_FOUND:
                return None
            raise

    def list(self, path: str, filters: Mapping[str, Any] | None = None) -> list[Json]:
        """Every object of a collection, over all its pages."""
        return list(self._pages(path, filters))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Create an object or start an action."""
        made: Json = self._call(self._client.post, path, data=body or {})
        return made

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change an object."""
        changed: Json = self._call(self._client.put, path, data=body)
        return changed

    def delete(self, path: str) -> None:
        """Delete an object."""
        self._call(self._client.delete, path)

    def remove(self, path: str) -> None:
        """Delete an object, which may be gone already."""
        try:
            self.delete(path)
        except ApiFailureError as error:
            if error.status is not HTTPStatus.NOT_FOUND:
                raise

    def _pages(self, path: str, filters: Mapping[str, Any] | None) -> Iterator[Json]:
        page, last = 1, 1
        while page <= last:
            answer = self._call(self._client.get, f"{path}?page={page}&page_size={_PAGE_SIZE}", filters=filters)
            yield from answer["data"]
            page, last = page + 1, answer["pages"]

    def _call(self, method: Callable[..., Any], path: str, **arguments: Any) -> Any:
        from linode_api4.errors import ApiError
        from requests import RequestException

        try:
            return method(path, **arguments)
        except ApiError as error:
            raise ApiFailureError(f"Linode: {error}", status=HTTPStatus(error.status)) from error
        except RequestException as error:
            _LOG.debug("no answer from %s", self._address, exc_info=error)
            raise ProviderError(
                f"the Linode API does not answer at {self._address} ({_cause(error)}); "
                "check linode:url (LINODE_URL) and the network"
            ) from error


def connect(settings: Settings, *, retries: int = _RETRIES) -> Api:
    """A connection by the settings, which asks again so often. Raises ProviderError if there is no token."""
    from linode_api4 import LinodeClient
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    class RetryWhenThrottled(Retry):
        """Every answer of Linode's says when the window of the rate limit ends, in Retry-After.

        urllib3 would wait for that after 503 as well, with which a kubeconfig is answered that is not there yet.
        """

        RETRY_AFTER_STATUS_CODES = frozenset({HTTPStatus.TOO_MANY_REQUESTS})

        def get_backoff_time(self) -> float:
            return self.backoff_factor

    if not settings.token.value:
        raise ProviderError("there is no Linode token; set LINODE_TOKEN")
    client = LinodeClient(
        settings.token.value,
        base_url=settings.base_url,
        user_agent=settings.user_agent,
        retry_max=retries,
        ca_path=settings.ca_path,
    )
    # As the client makes its own, whose kind of retry it does not let be chosen.
    patience = RetryWhenThrottled(
        total=retries,
        status_forcelist=client.retry_statuses,
        backoff_factor=client.retry_rate_limit_interval,
        raise_on_status=False,
        allowed_methods={"DELETE", "GET", "POST", "PUT"},
    )
    for scheme in ("http://", "https://"):
        client.session.mount(scheme, HTTPAdapter(max_retries=patience))
    return Api(client, settings.address)


def _cause(error: BaseException) -> str:
    """The innermost reason: requests wraps it in its own and urllib3's names."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    return str(getattr(error, "reason", None) or error)
