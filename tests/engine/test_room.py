"""The stacks that are checked in find room on their nodes at Linode, also while all of it is rolled out at once."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.utils.quantity import parse_quantity

from fleet.naming import EAST_WEST_GATEWAY, INGRESS_GATEWAY
from sandbox.charts.staging import stage
from sandbox.clusters.node.sizes import Size, allocatable
from sandbox.linode.backend import PoolSpec
from sandbox.linode.catalogue import Catalogue
from tests.engine.test_rendered_charts import least, of_kind, rendered
from tests.unit.configs import stack
from tests.unit.graph import build

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = pytest.mark.engine

RELEASE = "kubernetes:helm.sh/v3:Release"
DNS = Size(millicores=2 * 100, mib=2 * 70)
"""What LKE's two CoreDNS ask for."""
_DEFAULT_SURGE = "25%"


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts") / "charts"
    stage(folder)
    return folder


def total(sizes: Iterable[Size]) -> Size:
    known = list(sizes)
    return Size(millicores=sum(size.millicores for size in known), mib=sum(size.mib for size in known))


def requested(requests: dict[str, str]) -> Size:
    cpu, memory = (float(parse_quantity(requests.get(name, "0"))) for name in ("cpu", "memory"))  # type: ignore[no-untyped-call]
    return Size(millicores=math.ceil(cpu * 1000), mib=math.ceil(memory / 2**20))


def of_pod(pod: dict[str, Any]) -> Size:
    containers = pod["spec"]["containers"]
    return total(requested((container.get("resources") or {}).get("requests") or {}) for container in containers)


def rolled_out(spec: dict[str, Any], replicas: int, beside: Size | None = None) -> Size:
    """What a Deployment asks for while new pods come up beside the old ones. `beside` is a sidecar."""
    surge = str(((spec.get("strategy") or {}).get("rollingUpdate") or {}).get("maxSurge", _DEFAULT_SURGE))
    more = math.ceil(replicas * int(surge[:-1]) / 100) if surge.endswith("%") else int(surge)
    one = total([of_pod(spec["template"]), beside or Size(millicores=0, mib=0)])
    return Size(millicores=one.millicores * (replicas + more), mib=one.mib * (replicas + more))


def room(cluster: dict[str, Any]) -> Size:
    types = Catalogue.load().types
    nodes = [
        allocatable(PoolSpec(id=1, label="", type=pool["type"], memory=plan.memory, vcpus=plan.vcpus))
        for pool in cluster["pools"].values()
        for plan in [types[pool["type"]]]
        for _ in range(pool["count"])
    ]
    return total(nodes)


def of_member(name: str, config: dict[str, Any], charts: Path) -> Size:
    """All that a member runs, with the workloads of one that is lost, and all of it rolled out."""
    graph = build(config)
    istiod = rendered(charts / "istio" / "istiod", graph.one(RELEASE, f"{name}-istio-istiod").plain()["values"])
    sizes = [DNS, rolled_out(of_kind(istiod, "Deployment")["istiod"], least(istiod, "istiod"))]
    for release, deployment in (("east-west", EAST_WEST_GATEWAY), ("ingress", INGRESS_GATEWAY)):
        values = graph.one(RELEASE, f"{name}-{release}-release").plain()["values"]
        documents = rendered(charts / "istio" / "gateway", values, deployment)
        spec = of_kind(documents, "Deployment")[deployment]
        replicas = least(documents, deployment) if "replicas" in spec or _scaled(documents) else 1
        sizes.append(rolled_out(spec, replicas))
    agent = graph.one("kubernetes:apps/v1:Deployment", f"{name}-agent-deployment").plain()["spec"]
    sizes.append(rolled_out(agent, int(agent.get("replicas", 1))))
    [injector] = [
        one for one in istiod if one and one["metadata"]["name"] == "istio-sidecar-injector" and "data" in one
    ]
    sidecar = requested(json.loads(injector["data"]["values"])["global"]["proxy"]["resources"]["requests"])
    members = sum("network" in cluster for cluster in config["clusters"].values())
    for node in graph.of_type("kubernetes:apps/v1:Deployment"):
        deployment = node.plain()
        if deployment["metadata"]["name"] in {"hello", "sleep"}:
            here = math.ceil(deployment["spec"]["replicas"] / (members - 1))
            sizes.append(rolled_out(deployment["spec"], here, sidecar))
    return total(sizes)


def _scaled(documents: list[Any]) -> bool:
    return bool(of_kind(documents, "HorizontalPodAutoscaler"))


@pytest.mark.parametrize("name", ["dev", "sandbox", "prod"])
def test_a_member_has_room_for_what_runs_in_it_while_all_of_it_is_rolled_out(name: str, charts: Path) -> None:
    config = stack(name)
    asked, has = of_member("eu", config, charts), room(config["clusters"]["eu"])
    assert asked.millicores <= has.millicores, f"{asked} of {has}"
    assert asked.mib <= has.mib, f"{asked} of {has}"


def test_without_values_of_its_own_the_dev_stacks_istiod_would_find_none(charts: Path) -> None:
    config = stack("dev")
    del config["mesh"]
    assert of_member("eu", config, charts).mib > room(config["clusters"]["eu"]).mib


@pytest.mark.parametrize("name", ["dev", "sandbox", "prod"])
def test_the_manager_has_room_for_karmada_while_all_of_it_is_rolled_out(name: str, charts: Path) -> None:
    config = stack(name)
    graph = build(config)
    documents = rendered(charts / "karmada" / "karmada", graph.one(RELEASE, "karmada-release").plain()["values"])
    deployments = of_kind(documents, "Deployment").values()
    asked = total([DNS, *(rolled_out(spec, int(spec["replicas"])) for spec in deployments)])
    [has] = [room(cluster) for cluster in config["clusters"].values() if cluster.get("role") == "manager"]
    assert asked.millicores <= has.millicores, f"{asked} of {has}"
    assert asked.mib <= has.mib, f"{asked} of {has}"
