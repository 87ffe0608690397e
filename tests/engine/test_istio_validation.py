"""Whatever traffic the config lets through, Istio's own validation takes: no update ends in its webhook halfway."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fleet.config.hosts import Hosts
from fleet.config.settings import Traffic
from fleet.config.workloads import Workload, WorkloadIngress
from fleet.mesh import traffic
from fleet.mesh.callers import allowed, mistaken_for_callers, nobody, not_from
from fleet.mesh.rules import strict
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

pytestmark = pytest.mark.engine

LABELS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9-]{1,8}", fullmatch=True),
    st.integers(61, 65).map(lambda length: "a" * length),
    st.sampled_from(["*", "xn--bcher-kva", "_dmarc", "1", ""]),
)
NAMED = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
HOSTS = st.lists(
    st.one_of(NAMED, st.ip_addresses().map(str), st.sampled_from(["*", "a.example.", "*.example"])),
    min_size=1,
    max_size=4,
)
NUMBERS = st.one_of(st.integers(1, 600), st.sampled_from([2**31, 2**32 - 1, 2**32, 2**63, 10**11]))
TRAFFIC = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["locality", "global"]),
        "outlierDetection": st.fixed_dictionaries(
            dict.fromkeys(("consecutive5xxErrors", "intervalSeconds", "baseEjectionSeconds"), NUMBERS)
        ),
    },
    optional={
        "failover": st.lists(st.sampled_from(["eu", "ap", "us"]), max_size=3),
        "timeoutSeconds": NUMBERS,
        "retries": st.integers(0, 12),
    },
)
REGIONS = {"eu": "eu-west", "ap": "ap-south", "us": "us-west"}
SHOP = Workload.model_validate(
    {"image": "shop", "ports": {"http": 80, "tcp": 90}, "callers": ["cart"], "ingress": {"hosts": ["*"]}}
)
EACH_STARTS_A_PROCESS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much], derandomize=True
)


def refused(specs: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """What Istio says against objects, by API version and kind; nothing where it takes all of them."""
    done = subprocess.run(
        [str(tool_path("istio-validate"))],
        input=yaml.safe_dump_all(list(_objects(specs))),
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr


def _objects(specs: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for (version, kind), spec in specs.items():
        metadata = {"name": kind.lower(), "namespace": "default"}
        yield {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": dict(spec)}


@EACH_STARTS_A_PROCESS
@given(HOSTS)
def test_hosts(names: list[str]) -> None:
    try:
        accepted = list(TypeAdapter(Hosts).validate_python(tuple(names)))
    except ValidationError:
        assume(False)
    assert not refused({("networking.istio.io/v1", "VirtualService"): led_to(accepted)})


def led_to(hosts: Sequence[str], *paths: str) -> dict[str, Any]:
    """The way from outside to a workload with hosts and paths."""
    ingress = WorkloadIngress.model_construct(hosts=tuple(hosts), paths=paths or ("/",), port=None)
    return traffic.route("shop", SHOP, ingress, Traffic())


@EACH_STARTS_A_PROCESS
@given(TRAFFIC)
def test_the_rules_of_traffic(config: dict[str, Any]) -> None:
    try:
        accepted = Traffic.model_validate(config)
    except ValidationError:
        assume(False)
    balance = traffic.balance("shop", SHOP, accepted, member="eu", regions=REGIONS)
    assert not refused({("networking.istio.io/v1", "DestinationRule"): balance})
    if calls := traffic.calls("shop", SHOP, accepted):
        assert not refused({("networking.istio.io/v1", "VirtualService"): calls})


def test_what_does_not_depend_on_numbers_and_names() -> None:
    workloads = {"shop": SHOP, "cart": Workload(image="cart"), "cart-batch": Workload(image="batch")}
    rules = [nobody(), allowed("shop", workloads), not_from("shop", workloads, "eu")]
    rules += [spec for _, spec in mistaken_for_callers("cart-batch", workloads, tuple(REGIONS))]
    assert len(rules) == 4
    for spec in rules:
        assert not refused({("security.istio.io/v1", "AuthorizationPolicy"): spec})
    assert not refused({("security.istio.io/v1", "PeerAuthentication"): strict()})
    assert not refused({("networking.istio.io/v1", "Gateway"): traffic.listener()})
    assert not refused({("networking.istio.io/v1", "VirtualService"): led_to(["*"], "/cart", "/a~b/%20")})


def test_a_host_with_a_star_in_the_middle_is_refused_by_istio_too() -> None:
    assert "*" in refused({("networking.istio.io/v1", "VirtualService"): led_to(["a.*.example"])})
