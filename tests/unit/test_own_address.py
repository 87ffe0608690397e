"""Claims about a machine that runs the program from outside of Karmada's ACL."""

from ipaddress import IPv4Address

import pulumi
import pytest

from fleet import own_address
from fleet.config.reader import parse
from fleet.config.settings import FleetConfig
from fleet.deployed import Deployed, DeployedCluster
from tests.unit.configs import fleet_of

OUTSIDE = IPv4Address("8.8.8.8")
SENTENCE = (
    "karmada.acl.ipv4: 9.9.9.0/24, 1.1.1.1/32 does not let in 8.8.8.8, from which this machine comes, and the program "
    "itself puts objects into Karmada; add its network, or run it from one that is there"
)
THERE = Deployed(clusters=(DeployedCluster(name="eu", version="1.35"),))


def closed(**sections: object) -> FleetConfig:
    return parse(fleet_of(1, karmada={"acl": {"ipv4": ["9.9.9.0/24", "1.1.1.1/32"]}}, **sections))


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is warned of on a machine outside."""
    warnings: list[str] = []
    monkeypatch.setattr(own_address, "own_address", lambda: OUTSIDE)
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    return warnings


def test_an_update_from_outside_is_refused_before_anything_is_made(
    warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    for deployed in (Deployed(), THERE):
        assert own_address.errors(closed(), deployed) == [SENTENCE]
    assert warned == []


def test_a_preview_from_outside_is_warned_of_where_there_is_a_fleet(
    warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert own_address.errors(closed(), Deployed()) == []
    assert warned == [], "the review of a pull request needs nothing of Karmada"
    assert own_address.errors(closed(), THERE) == []
    assert warned == [SENTENCE]


@pytest.mark.parametrize("address", ["9.9.9.7", "1.1.1.1"])
def test_who_is_in_the_acl_is_let_in(address: str) -> None:
    assert own_address.outside(closed(), IPv4Address(address)) is None


@pytest.mark.parametrize("address", ["10.0.0.7", "172.20.0.2", "192.168.1.2", "100.64.0.1", "127.0.0.1", None])
def test_an_address_that_is_translated_on_its_way_says_nothing(address: str | None) -> None:
    assert own_address.outside(closed(), IPv4Address(address) if address else None) is None


def test_without_an_acl_or_without_karmada_there_is_no_outside() -> None:
    assert own_address.outside(parse(fleet_of(1)), OUTSIDE) is None
    assert own_address.outside(closed(layers=[]), OUTSIDE) is None


def test_the_address_is_that_of_the_way_out_and_there_is_none_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_address, "_ANYWHERE", ("127.0.0.1", 9))
    assert own_address.own_address() == IPv4Address("127.0.0.1")
    monkeypatch.setattr(own_address, "_ANYWHERE", ("255.255.255.255", 9))
    assert own_address.own_address() is None
