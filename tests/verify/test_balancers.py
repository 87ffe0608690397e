"""Whether the account has what Services show, and what is said if it has not."""

from __future__ import annotations

from typing import Any

from sandbox.verify.balancers import addressed, balanced


def service(name: str, address: str | None = None, *ports: int, kind: str = "LoadBalancer") -> dict[str, Any]:
    """A Service as the API server shows it."""
    ingress = [{"ip": address}] if address else []
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"type": kind, "ports": [{"port": port} for port in ports]},
        "status": {"loadBalancer": {"ingress": ingress} if ingress else {}},
    }


WEB = service("web", "203.0.113.10", 80, 443)
DOOR = service("door", "203.0.113.11", 5443)


def test_a_balancer_with_all_ports_is_named_with_its_address() -> None:
    claim = balanced("us", [WEB, DOOR], {"203.0.113.10": {80, 443}, "203.0.113.11": {5443}})
    assert claim.holds
    assert claim.evidence == "shop/web 203.0.113.10, shop/door 203.0.113.11"


def test_one_that_somebody_deleted_is_named_with_the_command_that_brings_it_back() -> None:
    claim = balanced("us", [WEB, DOOR], {"203.0.113.11": {5443}})
    assert not claim.holds
    assert claim.evidence == (
        "shop/web has no NodeBalancer, though it shows 203.0.113.10; change the Service: in `make shell`, "
        '`kubectl --context us annotate service web --namespace shop --overwrite touched="$(date +%s)"`; '
        "it gets another address, which `make up` then gives to whatever uses it"
    )


def test_a_port_that_somebody_deleted_is_named() -> None:
    claim = balanced("us", [WEB], {"203.0.113.10": {443}})
    assert not claim.holds
    assert claim.evidence.startswith("the NodeBalancer 203.0.113.10 of shop/web lacks port 80; change the Service:")


def test_only_services_that_show_an_address_are_looked_at() -> None:
    going = service("going", "203.0.113.12", 80)
    going["metadata"]["deletionTimestamp"] = "2026-11-28T00:00:00Z"
    inside = service("inside", None, 80, kind="ClusterIP")
    assert addressed([WEB, service("coming", None, 80), going, inside]) == [WEB]
