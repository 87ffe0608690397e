"""What Linode charges, as its API says: by type, and by region where one is dearer than the others.

`PriceList` is plain data; `fetch` fills it from the four lists that the API publishes, through the official client.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

API: Final = "https://api.linode.com"


class PriceError(Exception):
    """The prices cannot be had; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """US dollars a month, capped as Linode caps them, and an hour: everywhere, and where it differs."""

    monthly: Decimal
    regions: Mapping[str, Decimal] = field(default_factory=dict)
    hourly: Decimal | None = None
    """None where only months are known."""
    hourly_regions: Mapping[str, Decimal] = field(default_factory=dict)

    def in_region(self, region: str) -> Decimal:
        """The price of a month in one region."""
        return self.regions.get(region, self.monthly)

    def hourly_in_region(self, region: str) -> Decimal | None:
        """The price of an hour in one region, None where it is not known."""
        return self.hourly_regions.get(region, self.hourly)


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """Rates by the ids of the API: g6-standard-2, lke-ha, nodebalancer, volume (a GB of it)."""

    rates: Mapping[str, Rate]


def fetch(url: str, token: str) -> PriceList:
    """Ask the API.

    Args:
        url: where it is, without a version, as Linode's provider takes it: https://api.linode.com.
        token: a personal access token; the lists are public, but the official client asks for one.

    Raises:
        PriceError: there is no token, or the API refuses it or does not answer.

    """
    from linode_api4 import LinodeClient
    from linode_api4.errors import ApiError
    from requests import RequestException

    if not token:
        raise PriceError("there is no LINODE_TOKEN, which the API's client asks for; set it to see the cost")
    client = LinodeClient(token, base_url=f"{url.rstrip('/')}/v4", retry_max=2)
    try:
        lists = (client.linode.types(), client.lke.types(), client.nodebalancers.types(), client.volumes.types())
        return PriceList(rates={entry.id: _rate(entry) for entries in lists for entry in entries})
    except ApiError as error:
        raise PriceError(f"Linode refuses to list its prices: {error}") from error
    except RequestException as error:
        raise PriceError(f"the Linode API does not answer at {url}; check LINODE_URL and the network") from error


def _rate(entry: Any) -> Rate:
    return Rate(
        monthly=_dollars(entry.price.monthly),
        regions={price.id: _dollars(price.monthly) for price in entry.region_prices or ()},
        hourly=_dollars(entry.price.hourly),
        hourly_regions={price.id: _dollars(price.hourly) for price in entry.region_prices or ()},
    )


def _dollars(value: float) -> Decimal:
    # By way of the text, since 0.1 has no exact float.
    return Decimal(str(value))
