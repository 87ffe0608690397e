"""Properties of the stack config: any accepted one builds a graph, any refused one creates nothing."""

import copy
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.config.reader import ConfigError, parse
from tests.unit.configs import article
from tests.unit.graph import Stage, build
from tests.unit.test_backup import SETTINGS

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
COUNTS = st.integers(1, 5)


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(COUNTS)
    pool: dict[str, Any] = {"type": draw(st.sampled_from(["g6-standard-1", "g6-standard-4"])), "count": count}
    if draw(st.booleans()):
        pool["autoscaler"] = {"min": draw(st.integers(1, count)), "max": draw(st.integers(count, 9))}
    return dict.fromkeys(draw(st.sets(NAMES, min_size=1, max_size=2)), pool)


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Config that keeps every rule."""
    manager, *members = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    clusters: dict[str, Any] = {manager: {"role": "manager", "region": "eu-west", "pools": draw(pools())}}
    for index, member in enumerate(members):
        clusters[member] = {"region": "us-west", "network": f"net{index}", "pools": draw(pools())}
        if draw(st.booleans()):
            clusters[member] |= {
                "highAvailability": True,
                "acl": {"ipv4": ["192.0.2.0/24"], "peers": True},
                "protect": True,
            }
    if len(members) > 1 and draw(st.booleans()):
        clusters[members[0]][draw(st.sampled_from(["drained", "expelled"]))] = True
        members = members[1:]
    roots = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    weights = st.dictionaries(st.sampled_from(members), st.integers(1, 9))
    return {
        "clusters": clusters,
        "karmada": {"endpoint": draw(st.sampled_from(["node", "loadBalancer"]))},
        "ingress": {"enabled": draw(st.booleans())},
        "traffic": {"mode": draw(st.sampled_from(["locality", "global"]))},
        "workloads": article(
            hello={"weights": draw(weights), "replicas": draw(st.integers(0, 30))}, sleep={"weights": draw(weights)}
        ),
        "certs": {"mesh": {"roots": roots} | draw(st.sampled_from([{}, {"signing": roots[-1]}]))},
        "layers": draw(st.sampled_from([[], ["karmada"], ["mesh"], ["karmada", "mesh", "workloads"]])),
    }


NETWORKS = st.fixed_dictionaries(
    {"ipv4": st.lists(st.sampled_from(["203.0.113.0/24", "203.0.113.7", "0.0.0.0/0"]), min_size=1, max_size=2)},
    optional={"ipv6": st.lists(st.sampled_from(["2001:DB8::/32", "::ffff:203.0.113.0/120"]), max_size=2)},
)
TAINTS = [{"key": "a.example/only", "value": "web", "effect": effect} for effect in ("NoSchedule", "NoExecute")]
VALUES = st.dictionaries(
    NAMES,
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    max_size=3,
)
KARMADA = st.fixed_dictionaries(
    {},
    optional={
        "acl": NETWORKS,
        "backup": st.just(SETTINGS),
        "encryption": st.sampled_from([{"keys": ["b"]}, {"keys": ["a", "b"], "writing": "b"}]),
        "etcd": st.fixed_dictionaries({"size": st.sampled_from(["10Gi", "1Ti"])}),
        "failover": st.fixed_dictionaries({"enabled": st.booleans(), "tolerationSeconds": st.integers(0, 86400)}),
        "agent": st.fixed_dictionaries({"replicas": st.integers(1, 5), "tolerations": st.just(TAINTS)}),
        "values": VALUES,
    },
)
SECTIONS_OF_THEIR_OWN = st.fixed_dictionaries(
    {},
    optional={
        "karmada": KARMADA,
        "versions": st.sampled_from([{"karmada": "1.18.1"}, {"istio": "v1.30.4"}, {"kubernetes": "1.34"}]),
        "charts": st.just({"karmada": "oci://registry.example/charts", "istio": "/srv/charts"}),
        "ingress": st.fixed_dictionaries({"enabled": st.booleans()}),
        "eastWest": st.fixed_dictionaries({"values": VALUES}),
        "mesh": st.fixed_dictionaries({"id": NAMES, "istiodValues": VALUES, "remoteTokenGeneration": COUNTS}),
        "traffic": st.just({"outlierDetection": {"consecutive5xxErrors": 2**32 - 1, "intervalSeconds": 1}}),
        "guardrails": st.just({"profile": "development", "levels": {"karmada-acl": "disabled"}, "monthlyLimit": 500}),
        "tags": st.dictionaries(st.sampled_from(["owner", "é" * 24]), st.sampled_from(["12345e6", "no", "a b"])),
        "acknowledged": st.just(["delete gone"]),
    },
)
"""What no graph depends on, or less than it takes to build one."""


def break_it(raw: dict[str, Any], rule: str) -> dict[str, Any]:
    """The same config with one rule broken."""
    broken = copy.deepcopy(raw)
    members = [name for name, cluster in broken["clusters"].items() if "network" in cluster]
    first = broken["clusters"][members[0]]
    match rule:
        case "two managers":
            first["role"] = "manager"
        case "no member":
            broken["clusters"] = {name: c for name, c in broken["clusters"].items() if name not in members}
        case "unknown key":
            first["colour"] = "blue"
        case "no pools":
            first["pools"] = {}
        case "shared network":
            broken["clusters"]["another"] = first | {"role": "member"}
        case "weight of a stranger":
            broken["workloads"]["hello"]["weights"] = {"stranger": 1}
        case "minimum over maximum":
            next(iter(first["pools"].values()))["autoscaler"] = {"min": 9, "max": 1}
        case "a stranger signs":
            broken["certs"]["mesh"]["signing"] = "stranger"
        case "nowhere to run":
            for name in members:
                broken["clusters"][name]["drained"] = True
        case "unsupported version":
            first.pop("expelled", None)  # Whatever an expelled one runs is nobody's concern.
            first["kubernetesVersion"] = "1.20"
    return broken


RULES = [
    "two managers", "no member", "unknown key", "no pools", "shared network", "weight of a stranger",
    "minimum over maximum", "a stranger signs", "nowhere to run", "unsupported version",
]  # fmt: skip
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(raw=configs(), stage=st.sampled_from(Stage))
def test_any_accepted_config_builds_a_graph(raw: dict[str, Any], stage: Stage) -> None:
    graph = build(raw, stage)
    assert len(graph.of_type("linode:index/lkeCluster:LkeCluster")) == len(raw["clusters"])


@settings(max_examples=80, deadline=None)
@given(raw=configs(), others=SECTIONS_OF_THEIR_OWN, acl=NETWORKS)
def test_a_config_that_was_read_is_written_and_read_as_the_same(
    raw: dict[str, Any], others: dict[str, Any], acl: dict[str, Any]
) -> None:
    *_, last = raw["clusters"].values()
    last["acl"] = acl | {"peers": True}
    for pool in last["pools"].values():
        pool |= {"labels": {"a.example/team": "web", "empty": ""}, "taints": TAINTS}
    config = parse(raw | others)
    assert parse(config.model_dump(by_alias=True)) == config
    assert parse(config.model_dump(mode="json", by_alias=True)) == config


@settings(max_examples=80, deadline=None)
@given(raw=configs(), rule=st.sampled_from(RULES))
def test_any_broken_rule_refuses_the_whole_config(raw: dict[str, Any], rule: str) -> None:
    parse(raw)
    with pytest.raises(ConfigError) as caught:
        parse(break_it(raw, rule))
    assert all(": " in error for error in caught.value.errors)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=12,
)
LIBRARY = re.compile(r"[Ii]nput should|valid (tuple|dictionary|integer|boolean|string)|instance of|pattern|validation")
"""What pydantic says of itself."""
SECTIONS = ["clusters", "versions", "layers", "karmada", "mesh", "traffic", "workloads", "certs", "charts", "tags",
    "secrets", "guardrails", "acknowledged", "eastWest", "ingress",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(raw=st.dictionaries(st.sampled_from(SECTIONS) | st.text(max_size=8), JSON, max_size=4))
def test_nonsense_is_refused_by_a_report_and_never_by_a_crash(raw: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        parse(raw)


@settings(max_examples=150, deadline=None)
@given(raw=configs(), section=st.sampled_from(SECTIONS), value=JSON)
def test_nonsense_in_one_section_is_refused_or_harmless(raw: dict[str, Any], section: str, value: Any) -> None:
    try:
        assert parse(raw | {section: value}).members
    except ConfigError as error:
        assert not LIBRARY.search(str(error)), error  # noqa: PT017 - being refused is one of two ways
