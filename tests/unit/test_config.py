"""Claims about the stack config: what is refused, and how it is reported."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pulumi
import pytest
import yaml

from fleet.config import retired
from fleet.config.fields import Model
from fleet.config.reader import ConfigError, load, parse
from fleet.config.settings import FleetConfig
from fleet.config.workloads import TrafficMode
from fleet.naming import RESERVED_NAMES
from tests.unit.configs import ROOT, article, fleet_of, stack


def errors_of(raw: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    return caught.value.errors


def changed(path: str, value: Any, raw: dict[str, Any] | None = None) -> dict[str, Any]:
    """Config of two members with the value at a dotted path replaced."""
    result = copy.deepcopy(raw or fleet_of(2))
    *above, last = path.split(".")
    section = result
    for key in above:
        section = section.setdefault(key, {})
    section[last] = value
    return result


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_every_checked_in_stack_is_accepted(name: str) -> None:
    assert parse(stack(name)).members == ("eu", "ap", "us")


def test_the_defaults_are_those_of_the_article() -> None:
    config = parse(stack("dev"))
    assert config.manager == "cluster-manager"
    assert {name: cluster.network for name, cluster in config.clusters.items()} == {
        "cluster-manager": None,
        "eu": "network3",
        "ap": "network1",
        "us": "network2",
    }
    assert config.weights(config.workloads["hello"]) == {"eu": 1, "ap": 1, "us": 1}
    assert (config.mesh.id, config.karmada.node_port, config.workloads["hello"].replicas) == ("mesh1", 32443, 3)
    assert config.traffic.mode is TrafficMode.LOCALITY


LONG = ".".join(["long"] * 26)
"""A domain that leaves no room for a name in 128 characters."""
REFUSED = [
    ("guardrails.profile", "careless", "guardrails.profile", "'careless'"),
    ("guardrails.levels", {"seat-belt": "advisory"}, "guardrails.levels.seat-belt", "'seat-belt'"),
    ("guardrails.monthlyLimit", 0, "guardrails.monthlyLimit", "greater than 0"),
    ("acknowledged", ["recycle m7"], "acknowledged.0", "'m7' is not a cluster; the clusters are manager, m0, m1"),
    ("acknowledged", ["delete m1"], "acknowledged.0", "the cluster is still in clusters"),
    ("clusters.m0.sice", 3, "clusters.m0.sice", "unknown key"),
    ("nonsense", {}, "nonsense", "unknown key"),
    ("clusters.m1.network", "network0", "clusters.m1.network", "'network0' is already the network of 'm0'"),
    ("clusters.m1.network", None, "clusters.m1.network", "name a network of its own"),
    ("clusters.manager.network", "network9", "clusters.manager.network", "drop it"),
    ("clusters.m0.role", "manager", "clusters", "'manager', 'm0' are managers"),
    ("clusters.manager.role", "boss", "clusters.manager.role", "'boss'"),
    ("clusters.m0.pools", {}, "clusters.m0.pools", "at least 1"),
    ("clusters.m0.pools.main.count", 0, "clusters.m0.pools.main.count", "0"),
    ("clusters.m0.pools.main.autoscaler", {"min": 5, "max": 2}, "clusters.m0.pools.main.autoscaler", "over max 2"),
    ("clusters.m0.pools.main.autoscaler", {"min": 2, "max": 5}, "clusters.m0.pools.main", "outside the autoscaler's"),
    ("clusters.m0.pools.main.autoscaler", {"min": 2}, "clusters.m0.pools.main.autoscaler.max", "missing"),
    ("clusters.m0.pools.main.labels", {"team": "a b"}, "clusters.m0.pools.main.labels.team", "'a b'"),
    ("clusters.m0.pools.main.labels", {"-team": "a"}, "clusters.m0.pools.main.labels.-team", "label key"),
    (
        "clusters.m0.pools.main.labels",
        {"node-role.kubernetes.io/worker": ""},
        "clusters.m0.pools.main.labels.node-role.kubernetes.io/worker",
        "node-role.kubernetes.io is a domain that LKE keeps for itself; take one of yours",
    ),
    (
        "clusters.m0.pools.main.labels",
        {"lke.linode.com/x": "y"},
        "clusters.m0.pools.main.labels.lke.linode.com/x",
        "LKE",
    ),
    ("clusters.m0.pools.main.labels", {"a..b/foo": "x"}, "clusters.m0.pools.main.labels.a..b/foo", "label key"),
    ("clusters.m0.pools.main.labels", {f"{LONG}/a": "x"}, f"clusters.m0.pools.main.labels.{LONG}/a", "128 characters"),
    (
        "clusters.m0.pools.main.labels",
        {f"a.b/{'c' * 63}": "x"},
        f"clusters.m0.pools.main.labels.a.b/{'c' * 63}",
        "62 of",
    ),
    (
        "clusters.m0.pools.main.taints",
        [{"key": "a", "value": value, "effect": "NoSchedule"} for value in ("b", "c")],
        "clusters.m0.pools.main.taints",
        "'a' has the effect NoSchedule 2 times, which no node can have; keep one value",
    ),
    (
        "clusters.m0.pools.main.taints",
        [{"key": "node.kubernetes.io/a", "value": "b", "effect": "NoSchedule"}],
        "clusters.m0.pools.main.taints.0.key",
        "keeps for itself",
    ),
    (
        "clusters.m0.pools.main.taints",
        [{"key": "a", "value": "b", "effect": "Never"}],
        "clusters.m0.pools.main.taints.0.effect",
        "'Never'",
    ),
    (
        "clusters.m0.pools.main.taints",
        [{"key": "a", "effect": "NoSchedule"}],
        "clusters.m0.pools.main.taints.0.value",
        "missing",
    ),
    (
        "clusters.m0.pools.main.taints",
        [{"key": "a", "value": "", "effect": "NoSchedule"}],
        "clusters.m0.pools.main.taints.0.value",
        "at least 1",
    ),
    ("clusters.m0.kubernetesVersion", 1.35, "clusters.m0.kubernetesVersion", "put it in quotes"),
    ("clusters.m0.kubernetesVersion", "1.33.4", "clusters.m0.kubernetesVersion", "write '1.33'"),
    ("clusters.m0.kubernetesVersion", "1.33.4-lke1", "clusters.m0.kubernetesVersion", "write '1.33'"),
    ("clusters.m0.kubernetesVersion", "v1.31.1+lke1", "clusters.m0.kubernetesVersion", "write '1.31'"),
    ("versions.kubernetes", "v1.35", "versions.kubernetes", "write '1.35'"),
    ("versions.kubernetes", "1.355", "versions.kubernetes", "must be a minor version of Kubernetes, such as '1.35'"),
    ("versions.kubernetes", "1.٣٥", "versions.kubernetes", "must be a minor version of Kubernetes, such as '1.35'"),
    ("versions.istio", "1.31.٣", "versions.istio", "must be a released version with its patch, such as '1.2.3'"),
    ("versions.kubernetes", "newest", "versions.kubernetes", "must be a minor version of Kubernetes, such as '1.35'"),
    ("versions.karmada", "1.18", "versions.karmada", "must be a released version with its patch, such as 'v1.2.3'"),
    ("versions.istio", "1.31.0-rc.1", "versions.istio", "must be a released version with its patch, such as '1.2.3'"),
    ("clusters.m0.kubernetesVersion", "1.31", "clusters.m0.kubernetesVersion", "not supported by istio"),
    (
        "clusters.m0.acl",
        {"ipv4": ["203.0.113.7/24"]},
        "clusters.m0.acl.ipv4.0",
        "'203.0.113.7/24' is refused: means either 203.0.113.0/24 or 203.0.113.7/32; write which one",
    ),
    ("clusters.m0.acl", {"ipv6": ["2001:db8::7/32"]}, "clusters.m0.acl.ipv6.0", "2001:db8::/32 or 2001:db8::7/128"),
    ("clusters.m0.acl", {"ipv6": ["fe80::%eth0/64"]}, "clusters.m0.acl.ipv6.0", "a network without a zone"),
    ("clusters.m0.acl", {"ipv4": [10]}, "clusters.m0.acl.ipv4.0", "10 is refused: must be a network as text"),
    ("clusters.m0.acl", {"ipv4": [True]}, "clusters.m0.acl.ipv4.0", "must be a network as text"),
    ("clusters.m0.acl", {"ipv4": [3405803776]}, "clusters.m0.acl.ipv4.0", "must be a network as text"),
    ("clusters.m0.acl", {"ipv4": ["2001:db8::/32"]}, "clusters.m0.acl.ipv4.0", "must be an IPv4 network, such as 203"),
    (
        "clusters.m0.acl",
        {"ipv6": ["203.0.113.0/24"]},
        "clusters.m0.acl.ipv6.0",
        "must be an IPv6 network, such as 2001",
    ),
    ("clusters.m0.acl", {}, "clusters.m0.acl", "nobody could reach the control plane; name a network"),
    ("clusters.m0.region", None, "clusters.m0.region", "must be a string"),
    ("versions.istio", "1.20.0", "versions.istio", "take one of 1.30, 1.31"),
    ("versions.karmada", "v1.2.0", "versions.karmada", "take one of 1.17, 1.18"),
    ("clusters.m0.istioVersion", "1.20.0", "clusters.m0.istioVersion", "take one of 1.30, 1.31"),
    ("clusters.manager.istioVersion", "1.31.0", "clusters.manager.istioVersion", "not in the mesh; drop it"),
    ("versions.karmadaChart", "v1.17.0", "versions.karmadaChart", "raise both together"),
    ("layers", ["workloads"], "layers", "add karmada"),
    ("karmada.endpoint", "nodes", "karmada.endpoint", "'nodes'"),
    ("karmada.nodePort", 80, "karmada.nodePort", "30000"),
    ("karmada.acl", {"ipv4": ["203.0.113.7/24"]}, "karmada.acl.ipv4.0", "203.0.113.0/24 or 203.0.113.7/32"),
    ("karmada.acl", {}, "karmada.acl", "nobody could reach the control plane; name a network"),
    (
        "karmada.acl",
        {"ipv6": ["2001:db8::/32"]},
        "karmada.acl.ipv4",
        "is missing, and Karmada's address is an IPv4 one",
    ),
    (
        "karmada.acl",
        {"ipv4": [f"203.0.113.{number}/32" for number in range(255)], "ipv6": ["2001:db8::/32"]},
        "karmada.acl",
        "256 networks are over the 255 of a rule of Linode's firewalls",
    ),
    ("karmada.apiServerReplicas", 3, "karmada.apiServerReplicas", "need a node each, and the manager has 1; lower it"),
    ("componentReplicas", 2, "componentReplicas", "2 replicas of Karmada's API server need a node each"),
    ("componentReplicas", 2, "karmada.endpoint", "need 'loadBalancer', or karmada.apiServerReplicas of 1"),
    ("componentReplicas", 0, "componentReplicas", "must be at least 1"),
    ("karmada.operatorGeneration", 0, "karmada.operatorGeneration", "must be at least 1"),
    ("viewerGeneration", 0, "viewerGeneration", "must be at least 1"),
    ("karmada.etcd", {"replicas": 3}, "karmada.etcd.replicas", "unknown key"),
    ("karmada.agentValues", {"agent": {}}, "karmada.agentValues", "is no key any more; set karmada.agent instead"),
    ("karmada.agent", {"image": "a.example/agent:v1"}, "karmada.agent.image", "without tag and digest: fleet:versions"),
    ("karmada.agent", {"image": "agent@sha256:00"}, "karmada.agent.image", "without tag and digest"),
    ("karmada.agent", {"replicas": 0}, "karmada.agent.replicas", "must be at least 1"),
    ("karmada.agent", {"resources": {"requests": {"cpu": 1}}}, "karmada.agent.resources.requests.cpu", "in quotes"),
    ("traffic.forbidden", [{"from": "m0", "to": "mars"}], "traffic.forbidden.0", "'mars' is not a member"),
    ("traffic.forbidden", [{"from": "m0", "to": "m1"}] * 2, "traffic.forbidden.0", "stands twice"),
    ("workloads.hello.weights", {"mars": 1}, "workloads.hello.weights.mars", "the members are m0, m1"),
    ("workloads.hello.weights", {"m0": 0}, "workloads.hello.weights.m0", "from 1 to 1000"),
    ("clusters.manager.drained", True, "clusters.manager.drained", "True on the manager"),
    ("clusters.manager.expelled", True, "clusters.manager.expelled", "True on the manager, whose orders"),
    ("certs.mesh", {"rootDays": 700}, "certs.mesh.intermediateDays", "must end before its issuer"),
    ("certs.mesh", {"roots": []}, "certs.mesh.roots", "at least 1"),
    ("certs.mesh", {"roots": ["a", "a"]}, "certs.mesh.roots", "'a' stands 2 times"),
    ("certs.mesh", {"roots": ["My Root"]}, "certs.mesh.roots.0", "DNS label"),
    ("certs.mesh", {"signing": "next"}, "certs.mesh.signing", "'next' is not trusted by anyone; add it to roots"),
    ("karmada.encryption", {"keys": []}, "karmada.encryption.keys", "at least 1"),
    ("karmada.encryption", {"keys": ["a", "a"]}, "karmada.encryption.keys", "'a' stands 2 times; drop the others"),
    ("karmada.encryption", {"writing": "next"}, "karmada.encryption.writing", "'next' is not a key; add it to keys"),
    ("certs.karmada", {"leafDays": 20}, "certs.karmada.renewBeforeDays", "every update would renew"),
    ("tags", {"owner:x": "y"}, "tags.owner:x", "no colon"),
    ("tags", {"owner": "web\n"}, "tags.owner", "printable characters"),
    ("tags", {"owner": " web"}, "tags.owner", "no space before or behind"),
    ("karmada.etcd", {"size": "1٣Gi"}, "karmada.etcd.size", "must be a size in Gi or Ti"),
    ("acknowledged", ["destroy us"], "acknowledged.0", "delete, replace, recycle and a cluster's name"),
    ("acknowledged", ["recycle"], "acknowledged.0", "'recycle'"),
]


@pytest.mark.parametrize(("path", "value", "key", "reason"), REFUSED, ids=[f"{row[0]}={row[1]}" for row in REFUSED])
def test_an_error_names_the_key_the_value_and_the_remedy(path: str, value: Any, key: str, reason: str) -> None:
    errors = errors_of(changed(path, value))
    assert any(error.startswith(f"{key}: ") and reason in error for error in errors), errors


@pytest.mark.parametrize("name", ["Eu", "a_b", "-a", "a" * 28, ""])
def test_a_cluster_name_is_a_dns_label_that_leaves_room_for_the_suffix(name: str) -> None:
    raw = fleet_of(2)
    raw["clusters"][name] = raw["clusters"].pop("m1")
    assert any("must" in error for error in errors_of(raw))


@pytest.mark.parametrize("cluster", ["manager", "m1"])
@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_name_that_fleet_itself_uses_is_no_clusters(cluster: str, name: str) -> None:
    raw = fleet_of(2)
    raw["clusters"][name] = raw["clusters"].pop(cluster)
    assert errors_of(raw) == (
        f"clusters.{name}: {name!r} is what Fleet calls {RESERVED_NAMES[name]}; give the cluster another name",
    )


def test_a_fleet_without_manager_or_member_is_refused() -> None:
    assert any("no cluster is the manager" in error for error in errors_of({"clusters": {}}))
    assert any("has no member" in error for error in errors_of(fleet_of(0)))


def test_missing_clusters_are_named() -> None:
    assert errors_of({}) == ("clusters: missing; add it to Pulumi.<stack>.yaml",)


def test_something_is_left_to_run_on_when_members_are_drained() -> None:
    raw = changed("clusters.m0.drained", True)
    assert parse(raw).weights(parse(raw).workloads["hello"]) == {"m1": 1}
    found = errors_of(changed("workloads.hello.weights", {"m0": 3}, raw))
    assert found == (
        "workloads.hello.weights: only members that are drained or expelled (m0); give weight to one that is not",
    )
    assert len(errors_of(changed("clusters.m1.drained", True, raw))) == 2, "neither hello nor sleep has a place"


def test_an_autoscaled_pool_begins_with_its_minimum() -> None:
    raw = changed("clusters.m0.pools.main", {"type": "g6-standard-2", "autoscaler": {"min": 3, "max": 10}})
    assert parse(raw).clusters["m0"].pools["main"].count == 3
    assert parse(changed("clusters.m0.pools.main.count", 5, raw)).clusters["m0"].pools["main"].count == 5


def test_labels_and_taints_are_what_lke_takes() -> None:
    labels = {"a.b/" + "c" * 62: "", "x" * 63: "Y_1", "notkubernetes.io/a": "b"}
    taints = [{"key": "a", "value": "b", "effect": effect} for effect in ("NoSchedule", "NoExecute")]
    pool = parse(changed("clusters.m0.pools.main", {"type": "t", "labels": labels, "taints": taints})).clusters["m0"]
    assert pool.pools["main"].labels == labels
    assert [taint.effect for taint in pool.pools["main"].taints] == ["NoSchedule", "NoExecute"]


def test_a_network_is_one_address_or_many() -> None:
    named = {"ipv4": ["203.0.113.7", "10.0.0.0/8"], "ipv6": ["2001:db8::/32"]}
    found = parse(changed("clusters.m0.acl", named | {"peers": True})).clusters["m0"].acl
    assert found is not None
    assert [str(network) for network in (*found.ipv4, *found.ipv6)] == ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize("spelling", ["{}", "v{}"])
def test_a_version_is_taken_as_it_is_published_with_and_without_v(spelling: str) -> None:
    raw = fleet_of(2)
    raw["clusters"]["m0"]["istioVersion"] = spelling.format("1.30.4")
    raw["versions"] = {"karmada": spelling.format("1.18.2"), "karmadaChart": spelling.format("1.18.1")}
    raw["versions"]["istio"] = spelling.format("1.31.0")
    config = parse(raw)
    assert (config.versions.karmada, config.versions.karmada_chart) == ("v1.18.2", "v1.18.1"), "of images and the chart"
    assert (config.versions.istio, config.clusters["m0"].istio_version) == ("1.31.0", "1.30.4")


def test_somebody_is_left_to_trust_when_members_are_expelled() -> None:
    raw = changed("clusters.m0.expelled", True)
    config = parse(raw)
    assert config.weights(config.workloads["hello"]) == {"m1": 1}, "as for a drained one"
    assert (config.expelled, config.trusted_members) == (("m0",), ("m1",))
    assert parse(changed("workloads.hello.weights", {"m0": 3, "m1": 1}, raw)), "its share may stand where it was"
    assert parse(changed("traffic.forbidden", [{"from": "m0", "to": "m1"}], raw))
    assert parse(changed("clusters.m0.drained", True, changed("clusters.m0.protect", True, raw)))
    found = errors_of(changed("clusters.m1.expelled", True, raw))
    assert found == ("clusters: only members that are expelled (m0, m1); keep at least one that is not",)


def test_versions_need_not_go_together_with_what_an_expelled_member_runs() -> None:
    raw = changed("clusters.m0.kubernetesVersion", "1.31")
    assert errors_of(raw)
    assert parse(changed("clusters.m0.expelled", True, raw))


def test_replicas_of_the_api_server_need_a_load_balancer() -> None:
    raw = changed("karmada.apiServerReplicas", 3)
    raw["clusters"]["manager"]["pools"] = {"main": {"type": "g6-standard-2", "count": 3}}
    assert any(error.startswith("karmada.endpoint: 'node'") for error in errors_of(raw))


def test_an_api_server_may_stay_alone_while_other_components_are_not() -> None:
    config = parse(changed("karmada.apiServerReplicas", 1, changed("componentReplicas", 2)))
    assert (config.api_server_replicas, config.agent_replicas) == (1, 2)


def test_errors_of_all_sections_come_in_one_report() -> None:
    raw = fleet_of(3)
    raw["clusters"]["m1"]["network"] = "network0"
    raw["clusters"]["m2"]["sice"] = 4
    raw["clusters"]["manager"]["pools"]["main"] = {"type": "x", "count": 1, "autoscaler": {"min": 4, "max": 1}}
    raw["workloads"] = article(hello={"weights": {"mars": 1}})
    raw["versions"] = {"istio": "1.20.0"}
    report = "\n".join(errors_of(raw))
    for key in ("clusters.m1.network", "clusters.m2.sice", "autoscaler", "weights.mars", "versions.istio"):
        assert key in report, f"{key} is missing from:\n{report}"


def test_an_error_does_not_bring_others_that_only_follow_from_it() -> None:
    assert len(errors_of(changed("clusters.m0.role", "boss"))) == 1
    assert len(errors_of(changed("clusters.m0", {"network": "network0"}))) == 2, "region and pools are missing"


def test_the_report_says_that_nothing_was_changed() -> None:
    with pytest.raises(ConfigError, match=r"2 errors in the stack's config; nothing was changed:\n  - .+\n  - .+"):
        parse(changed("nonsense", 1, changed("rubbish", 2)))


def test_a_key_that_went_is_refused_with_what_to_write_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    went = {"karmada.oldKey": "set karmada.newKey instead", "clusters.*.colour": "drop it"}
    monkeypatch.setattr(retired, "RETIRED", went)
    raw = changed("karmada.oldKey", {"a": 1}, changed("clusters.m1.colour", "blue", changed("karmada.neverWas", 1)))
    assert set(errors_of(raw)) == {
        "clusters.m1.colour: is no key any more; drop it",
        "karmada.oldKey: is no key any more; set karmada.newKey instead",
        "karmada.neverWas: unknown key (set to 1); Pulumi.yaml describes those that there are",
    }


@pytest.mark.parametrize("key", retired.RETIRED)
def test_every_key_of_the_table_went_and_what_to_write_instead_is_found_where_it_says(key: str) -> None:
    words = retired.RETIRED[key]
    assert f"{key.replace('*', 'm0')}: is no key any more; {words}" in errors_of(changed(key.replace("*", "m0"), {}))
    assert all((ROOT / page).exists() for page in re.findall(r"docs/[\w./-]+\.md", words)), words


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("clusters.m0.pools.main.count", "3", "'3' is refused: must be a whole number"),
        ("clusters.m0.pools.main.count", True, "true is refused: must be a whole number"),
        ("clusters.m0.pools.main.count", 2.5, "2.5 is refused: must be a whole number"),
        ("clusters.m0.pools.main.count", None, "null is refused: must be a whole number"),
        ("clusters.m0.protect", "yes", "'yes' is refused: must be true or false"),
        ("clusters.m0.protect", 1, "1 is refused: must be true or false"),
        ("guardrails.monthlyLimit", "500", "'500' is refused: must be a whole number"),
        ("clusters.m0.acl", [], "[] is refused: must be a table of keys and values"),
        ("clusters.m0.pools", "main", "'main' is refused: must be a table of keys and values"),
        ("traffic.forbidden", "us", "'us' is refused: must be a list"),
        ("clusters.m0.role", "boss", "'boss' is refused: must be 'manager' or 'member'"),
        ("karmada.etcd", {"size": "ten"}, "'ten' is refused: must be a size in Gi or Ti, such as '10Gi'"),
        ("karmada.nodePort", 80, "80 is refused: must be at least 30000"),
        ("clusters.m0.region", None, "null must be a string; write one"),
        ("tags", {"owner": False}, "false must be a string; put it in quotes"),
        ("certs.mesh.roots", [7], "7 must be a string; put it in quotes"),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_the_config_and_alone(path: str, value: Any, said: str) -> None:
    (error,) = errors_of(changed(path, value))
    assert error.endswith(f": {said}")


def test_a_text_that_looks_like_a_number_stays_a_text() -> None:
    tags = {"commit": "12345e6", "build": "0123", "size": "1_000", "day": "2026-11-27", "no": "no"}
    assert (
        load_settings({f"fleet:{key}": json.dumps(value) for key, value in fleet_of(1, tags=tags).items()}).tags == tags
    )


def test_config_is_frozen() -> None:
    config = parse(fleet_of(1))
    with pytest.raises(ValueError, match="frozen"):
        config.mesh.id = "other"  # type: ignore[misc]  # that it is refused is the claim


def load_settings(settings: dict[str, str]) -> FleetConfig:
    pulumi.runtime.set_all_config(settings)
    try:
        return load()
    finally:
        pulumi.runtime.set_all_config({})


def test_config_is_read_from_the_stack() -> None:
    config = load_settings({"fleet:clusters": json.dumps(fleet_of(2)["clusters"]), "linode:token": "elsewhere"})
    assert config.members == ("m0", "m1")


def test_an_unknown_top_level_key_is_refused() -> None:
    settings = {"fleet:clusters": json.dumps(fleet_of(1)["clusters"]), "fleet:clutsers": "{}"}
    with pytest.raises(ConfigError, match="clutsers"):
        load_settings(settings)


def test_a_plain_string_where_a_section_belongs_is_refused() -> None:
    settings = {"fleet:clusters": json.dumps(fleet_of(1)["clusters"]), "fleet:mesh": "mesh1"}
    with pytest.raises(ConfigError, match=re.escape("mesh: 'mesh1'")):
        load_settings(settings)


def test_pulumi_yaml_declares_every_key_with_a_description() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    sections = {field.alias or name for name, field in FleetConfig.model_fields.items()}
    assert {key.removeprefix("fleet:") for key in declared} == sections
    assert all(item["description"] for item in declared.values())
    defaults = {key.removeprefix("fleet:"): item["default"] for key, item in declared.items() if "default" in item}
    raw = fleet_of(1, workloads={})
    assert parse(raw | defaults) == parse(raw), "the defaults of Pulumi.yaml and of the models differ"


def models_in(annotation: Any) -> Iterator[type[Model]]:
    """The models that a field may hold: itself, or inside of lists, tables and alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def keys_of(model: type[Model]) -> Iterator[str]:
    """Every key of a section as users write it, and of the sections in it."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in models_in(field.annotation):
            yield from keys_of(inner)


@pytest.mark.parametrize("section", [field.alias or name for name, field in FleetConfig.model_fields.items()])
def test_pulumi_yaml_names_every_key_of_a_section(section: str) -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    words = set(re.findall(r"\w+", declared[f"fleet:{section}"]["description"]))
    fields = {field.alias or name: field for name, field in FleetConfig.model_fields.items()}
    keys = {key for model in models_in(fields[section].annotation) for key in keys_of(model)}
    assert keys <= words, f"fleet:{section} in Pulumi.yaml does not describe {sorted(keys - words)}"


def test_the_keys_that_are_looked_for_are_those_of_lists_tables_and_sections_in_sections() -> None:
    assert {"pullSecrets", "tolerationSeconds", "from", "ipv4", "effect", "leafDays"} <= set(keys_of(FleetConfig))
