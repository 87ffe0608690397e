"""What resource types and functions share: how to reach the API, once that is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import Function, ProviderError
from sandbox.plugins.framework.schema_resource import SchemaResource
from sandbox.plugins.linode.api import connect

if TYPE_CHECKING:
    from sandbox.plugins.linode.api import Api
    from sandbox.plugins.linode.settings import Settings


class Connection:
    """The way to the account that the provider is configured for."""

    def __init__(self) -> None:
        self._settings: Settings | None = None

    def configure(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """The settings. Raises ProviderError before there are any."""
        if self._settings is None:
            raise ProviderError("the linode provider was used before it was configured")
        return self._settings

    def say_hello(self) -> None:
        """Ask for what is public, and is nothing. Raises ProviderError if that is refused or nobody answers.

        terraform-provider-linode asks for the same when it is configured (linode/provider.go, providerConfigure), also
        without a token, whose absence is told by the first call that needs one.
        """
        if not self.settings.token.value:
            return
        try:
            connect(self.settings).get("/linode/types?page=100")
        except ProviderError as error:
            raise ProviderError(f"Error connecting to the Linode API: {error}") from error

    def api(self) -> Api:
        """A connection for the calling thread. Raises ProviderError if there is no token."""
        return connect(self.settings)


class AccountFunction(Function):
    """A function that asks the account."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


class AccountResource(SchemaResource):
    """A type whose resources are in the account."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
