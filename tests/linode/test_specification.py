"""The emulated API against Linode's own specification, as linode-cli carries it.

linode-cli is built from the specification: it knows every operation, every field of an answer, and which fields a list
can be filtered by.
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from linode_api4 import ObjectStorageBucket

from sandbox.linode.dispatch import SPEC_VERSION
from sandbox.linode.routes import OPERATIONS
from tests.linode.conftest import Clock, LinodeUser, eventually, problems

if TYPE_CHECKING:
    from collections.abc import Mapping

# Fields that only accounts with enterprise clusters, VPCs, sets of firewall rules or partner programmes see.
NOT_EMULATED = {
    *(f"{parts}bound.ruleset" for parts in ("in", "out", "rules.in", "rules.out")),
    "control_plane.metrics_enabled",
    "entity.cpc",
    "entity.node",
    "entity.pool",
    "k8s_version",
    "stack_type",
    "subnet_id",
    "tfa_enforced",
    "update_strategy",
    "vpc_id",
}


@dataclass(frozen=True, kw_only=True)
class Documented:
    """An operation of the specification."""

    fields: frozenset[str]
    filterable: frozenset[str]


@pytest.fixture(scope="module")
def specification() -> Mapping[tuple[str, str], Documented]:
    """The documented operations by method and path, parameters unnamed."""
    with pytest.MonkeyPatch.context() as environment:
        # Without it, importing linode-cli asks for a token.
        environment.setenv("LINODE_CLI_TEST_MODE", "1")
        cli = importlib.import_module("linodecli").cli
    assert cli.spec_version == SPEC_VERSION
    carried = {
        (operation.method.upper(), _unnamed(operation.url_path.removeprefix("/{apiVersion}"))): _documented(operation)
        for name, operations in cli.ops.items()
        if not name.startswith("_")
        for operation in operations.values()
    }
    # linode-cli calls two operations `nodebalancers firewalls`, and keeps the second: the list is as a Linode's.
    balancers = {("GET", "/nodebalancers/{}/firewalls"): carried["GET", "/linode/instances/{}/firewalls"]}
    return {**carried, **balancers, **_buckets()}


def _buckets() -> dict[tuple[str, str], Documented]:
    """The operations on buckets as linode_api4 has them: linode-cli's own `obj` plugin speaks S3 instead."""
    bucket = Documented(fields=frozenset(ObjectStorageBucket.properties), filterable=frozenset())
    path = _unnamed(ObjectStorageBucket.api_endpoint)
    region, every = path.rsplit("/", 1)[0], path.rsplit("/", 2)[0]
    return {(method, path): bucket for method in ("GET", "DELETE")} | {
        ("GET", region): bucket,
        ("GET", every): bucket,
        ("POST", every): bucket,
    }


def _documented(operation: Any) -> Documented:
    attributes = operation.response_model.attrs if operation.response_model else []
    return Documented(
        fields=frozenset(attribute.name for attribute in attributes),
        filterable=frozenset(attribute.name for attribute in attributes if attribute.filterable),
    )


def _unnamed(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.fixture
def ids(user: LinodeUser, clock: Clock) -> Mapping[str, str]:
    """An account with one of everything, and the path parameters that lead to each."""
    pool = {"type": "g6-standard-1", "count": 1, "taints": [{"key": "k", "effect": "NoSchedule"}]}
    cluster = user.cluster(node_pools=[{**pool, "disks": [{"size": 1024, "type": "ext4"}]}])
    shown = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]
    node = user.data("/linode/instances")[0]
    backend = {"address": f"{node['ipv4'][0]}:30080", "label": "node"}
    body = {"region": "eu-west", "tags": [f"lke{cluster['id']}"], "configs": [{"port": 80, "nodes": [backend]}]}
    balancer = user.post("/nodebalancers", body)
    config = user.data(f"/nodebalancers/{balancer['id']}/configs")[0]
    rule = {"action": "ACCEPT", "protocol": "TCP", "ports": "22", "label": "ssh", "description": "From everywhere"}
    rules = [{**rule, "addresses": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}}]
    firewall = user.post(
        "/networking/firewalls",
        {
            "label": "door",
            "rules": {"inbound": rules, "inbound_policy": "DROP", "outbound": rules, "outbound_policy": "DROP"},
            "devices": {"linodes": [node["id"]], "nodebalancers": [balancer["id"]]},
        },
    )
    volume = user.post("/volumes", {"label": "pvc1", "linode_id": node["id"]})
    bucket = user.post("/object-storage/buckets", {"label": "fleet-state", "region": "us-east"})
    access = {"region": "us-east", "bucket_name": bucket["label"], "permissions": "read_only"}
    key = user.post("/object-storage/keys", {"label": "state", "bucket_access": [access]})

    def answers() -> bool:
        clock.now += 10
        return user.client.get(f"/v4/lke/clusters/{cluster['id']}/kubeconfig").status_code == 200

    eventually(answers, "the control plane answers")
    return {
        "cluster_id": cluster["id"],
        "pool_id": shown["id"],
        "linode_id": node["id"],
        "nodebalancer_id": balancer["id"],
        "config_id": config["id"],
        "firewall_id": firewall["id"],
        "device_id": user.data(f"/networking/firewalls/{firewall['id']}/devices")[0]["id"],
        "volume_id": volume["id"],
        "region": bucket["region"],
        "bucket": bucket["label"],
        "cluster_name": bucket["cluster"],
        "key_id": key["id"],
        "event_id": user.data("/account/events")[0]["id"],
        "token_id": user.data("/profile/tokens")[0]["id"],
        "tier": "standard",
        "lke_node_id": shown["nodes"][0]["id"],
        "backend_id": user.data(f"/nodebalancers/{balancer['id']}/configs/{config['id']}/nodes")[0]["id"],
    }


def _filled(path: str, ids: Mapping[str, str]) -> str:
    """The path of an operation with real parameters."""
    entries = {"regions": "eu-west", "types": "g6-standard-1", "versions": "1.35"}
    special = {
        "id": entries.get(path.split("/")[-2], ""),
        "node_id": ids["lke_node_id" if path.startswith("/lke") else "backend_id"],
    }
    return path.format(**{**ids, **special})


def test_every_operation_is_documented(specification: Mapping[tuple[str, str], Documented]) -> None:
    emulated = {(operation.method, _unnamed(operation.path)) for operation in OPERATIONS}
    assert emulated <= specification.keys()


def test_everything_of_lke_is_emulated(specification: Mapping[tuple[str, str], Documented]) -> None:
    emulated = {(operation.method, _unnamed(operation.path)) for operation in OPERATIONS}
    assert {key for key in specification if key[1].startswith("/lke/")} <= emulated


def test_answers_have_every_documented_field(
    specification: Mapping[tuple[str, str], Documented], beta_user: LinodeUser, ids: Mapping[str, str]
) -> None:
    for operation in OPERATIONS:
        if operation.method != "GET":
            continue
        answer = beta_user.get(_filled(operation.path, ids))
        entry = answer["data"][0] if "data" in answer else answer
        documented = specification["GET", _unnamed(operation.path)].fields
        missing = {field for field in documented - NOT_EMULATED if not _has(entry, field.split("."))}
        assert not missing, f"GET {operation.path} lacks {sorted(missing)}"


def _has(value: Any, names: list[str]) -> bool:
    """Whether a dotted field is there; whatever lies below null or an empty list is taken as there."""
    if not names or value is None or value == []:
        return True
    if isinstance(value, list):
        return all(_has(member, names) for member in value)
    return isinstance(value, dict) and names[0] in value and _has(value[names[0]], names[1:])


def test_lists_are_filtered_by_the_documented_fields_and_no_other(
    specification: Mapping[tuple[str, str], Documented], beta_user: LinodeUser, ids: Mapping[str, str]
) -> None:
    for operation in OPERATIONS:
        path = _filled(operation.path, ids)
        if operation.method != "GET" or "data" not in beta_user.get(path):
            continue
        documented = specification["GET", _unnamed(operation.path)]
        for field in documented.fields:
            x_filter = json.dumps({field: None})
            if field in documented.filterable:
                beta_user.get(path, x_filter=x_filter)
            else:
                refused = problems(beta_user.get(path, x_filter=x_filter, expect=400))
                assert refused == {"X-Filter": f"Cannot filter on {field}"}, path
