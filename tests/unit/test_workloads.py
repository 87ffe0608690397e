"""Claims about the graph of workloads: what an earlier Fleet had stays, and one entry is nobody else's."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from fleet import steps
from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.running import deployed
from fleet.state import State
from tests.unit.configs import ROOT, article, fleet_of, stack
from tests.unit.graph import Graph, Node, build, built, contains_unmarked, is_secret

EARLIER = json.loads((ROOT / "tests" / "unit" / "earlier_workloads.json").read_text())
"""What a Fleet registered that had its workloads in its code (commit fbdbc3b), by URN: all that was of workloads."""
FORBIDDEN = {"forbidden": [{"from": "us", "to": "ap"}, {"from": "eu", "to": "ap"}]}
POLICY = "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy"
OVERRIDE = "kubernetes:policy.karmada.io/v1alpha1:OverridePolicy"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
AUTHORIZATION = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SECRET = "kubernetes:core/v1:Secret"
SHOP: dict[str, Any] = {
    "image": "shop:1",
    "namespace": "shop",
    "ports": {"http": 8080},
    "env": {"REGION": "${region}"},
    "callers": ["sleep"],
    "ingress": {"hosts": ["shop.example"]},
    "disruption": {"maxUnavailable": 1},
}
SECRETS = {"secrets": {"shop": SecretStr("hunter2"), "registry": SecretStr("hunter3")}}
LOGINS = {"registries": {"ghcr.io": {"username": "bot", "password": {"secret": "registry"}}}}


def as_mocks_have_it(urn: str) -> str:
    """A URN with the last two types of its chain, which is all that the mocks put into one."""
    head, _, name = urn.rpartition("::")
    start, _, chain = head.rpartition("::")
    return "::".join([start, "$".join(chain.split("$")[-2:]), name])


@pytest.fixture(scope="module")
def updated() -> Graph:
    """The article's fleet, updated by this program."""
    return build(stack("dev") | {"traffic": FORBIDDEN}, deployed={"earlierRules": "hello"})


def successors(graph: Graph) -> dict[str, Node]:
    """What there is now of what an earlier Fleet had, by its URN of then."""
    return {as_mocks_have_it(alias): node for node in graph.nodes.values() for alias in node.aliases if alias}


def test_nothing_of_an_earlier_fleet_is_made_anew_or_taken_away(updated: Graph) -> None:
    now = successors(updated)
    assert EARLIER.keys() - updated.nodes.keys() <= now.keys(), "it would be deleted, and what replaces it with it"
    for urn, before in EARLIER.items():
        node = updated.nodes.get(urn) or now[urn]
        assert (node.type, node.provider, node.deleted_with, node.protect) == (
            before["type"], before["provider"], before["deletedWith"], before["protect"],
        ), node.name  # fmt: skip


def test_two_resources_never_claim_one_of_before(updated: Graph) -> None:
    claims = Counter(alias for node in updated.nodes.values() for alias in node.aliases if alias)
    assert set(claims.values()) == {1}, "the engine refuses that"


def test_of_an_earlier_fleets_objects_only_the_mark_for_the_region_changes(updated: Graph) -> None:
    now = successors(updated)
    changed = {
        node.name: (before["inputs"], node.inputs)
        for urn, before in EARLIER.items()
        for node in [updated.nodes.get(urn) or now[urn]]
        if node.inputs != before["inputs"]
    }
    members = ("eu", "ap", "us")
    assert changed.keys() == {"hello.submission.deployment", *(f"hello.placement.{member}" for member in members)}
    for member in members:
        before, after = (applied(changed["hello.submission.deployment"][i], changed[f"hello.placement.{member}"][i])
            for i in range(2))  # fmt: skip
        assert before == after, f"pods of {member} would start anew"


def applied(template: Any, override: Any) -> dict[str, Any]:
    """What a member gets: a Deployment by an OverridePolicy's patches."""
    made: dict[str, Any] = json.loads(json.dumps(template))
    (rule,) = override["spec"]["overrideRules"]
    for patch in rule["overriders"]["plaintext"]:
        *above, last = patch["path"].strip("/").split("/")
        place: Any = made
        for key in above:
            place = place[int(key)] if isinstance(place, list) else place[key]
        place[last] = patch["value"]
    return made


def test_what_is_new_refuses_nobody_whom_an_entry_lets_in(updated: Graph) -> None:
    """An update adds it while calls go on: to allow nothing is no refusal of what another policy allows."""
    new = [node for node in updated.of_type(AUTHORIZATION) if not any(node.aliases)]
    assert [node.plain()["spec"] for node in new] == [{}] * 3
    assert {node.plain()["metadata"]["name"] for node in new} == {"allow-nothing"}


@pytest.mark.parametrize(
    ("workloads", "refused"),
    [
        ({}, ["workloads.hello: is missing, and runs", "workloads.sleep: is missing, and runs"]),
        (
            article(hello={"image": "podinfo"}) | {"sleep": {"image": "curl"}},
            ["workloads.sleep.command: is missing, and what runs has it", "terminationGracePeriodSeconds"],
        ),
        ({**article(), "hello": {"image": "podinfo"}}, ["callers", "env", "ingress", "ports", "probes"]),
        ({**article(), "hello": article()["hello"] | {"ingress": None}}, []),
        (article(sleep={"replicas": 5}), []),
    ],
    ids=["none", "sleep's", "all of hello's", "taken out by word", "whole"],
)
def test_a_stack_file_of_an_earlier_fleet_neither_ends_nor_strips_what_runs(
    workloads: dict[str, Any], refused: list[str]
) -> None:
    found = deployed(State(resources=earlier_state()), {})
    assert found.earlier_rules == "hello"
    said = steps.errors(parse(stack("dev") | {"workloads": workloads}), found)
    assert len(said) == len(refused)
    assert all(expected in sentence for expected, sentence in zip(refused, said, strict=True))


@pytest.mark.parametrize("left", ["callers", "not-from-us", "route"])
def test_an_update_that_broke_off_goes_on_with_the_rules_that_are_left(left: str) -> None:
    """Without their aliases they would be made once more, and what was made would be deleted with the old ones."""
    resources = {
        (kind, name): outputs
        for (kind, name), outputs in earlier_state().items()
        if "-traffic-" not in name or name == f"ap-traffic-{left}"
    }
    found = deployed(State(resources=resources), {})
    assert found.earlier_rules == "hello"


def test_todays_rules_are_none_of_an_earlier_fleet() -> None:
    graph = build(fleet_of(1) | {"workloads": {"a-traffic-b": SHOP | {"callers": ["a-traffic-b"]}}})
    resources = {(node.type, node.name): node.plain() for node in graph.below("workloads")}
    assert {kind for kind, _ in resources} >= {AUTHORIZATION}
    assert deployed(State(resources=resources), {}).earlier_rules is None


def earlier_state() -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["type"], urn.rpartition("::")[2]): one["inputs"] for urn, one in EARLIER.items()}


def test_a_fleet_that_was_updated_has_nothing_of_before(updated: Graph) -> None:
    assert (updated.deployed.earlier_workloads, updated.deployed.earlier_rules) == ({}, None)


@pytest.fixture(scope="module")
def with_shop() -> Graph:
    return build(fleet_of(2) | {"workloads": article() | {"shop": SHOP}})


def own(graph: Graph, *names: str) -> set[str]:
    """The URNs of an entry's resources, and of its namespace's."""
    return {node.urn for name in names for node in graph.below(name)} | {
        node.urn for node in graph.nodes.values() if node.name in names
    }


def test_adding_or_taking_away_an_entry_changes_no_resource_of_another(with_shop: Graph) -> None:
    without = built(fleet_of(2))
    added = with_shop.nodes.keys() - without.nodes.keys()
    assert added == own(with_shop, "shop")
    for urn, node in without.nodes.items():
        assert with_shop.nodes[urn].inputs == node.inputs, node.name


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 7},
        {"weights": {"m0": 1}},
        {"callers": []},
        {"ingress": {"hosts": ["another.example"]}},
        {"files": {"/etc/a": "b"}},
        {"traffic": {"mode": "global", "timeoutSeconds": 3, "retries": 0}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changing_an_entry_changes_no_resource_of_another(with_shop: Graph, change: dict[str, Any]) -> None:
    after = build(fleet_of(2) | {"workloads": article() | {"shop": SHOP | change}})
    different = with_shop.nodes.keys() ^ after.nodes.keys() | {
        urn for urn in with_shop.nodes.keys() & after.nodes.keys()
        if after.nodes[urn].inputs != with_shop.nodes[urn].inputs
    }  # fmt: skip
    assert different
    assert different <= own(with_shop, "shop") | own(after, "shop")


def test_a_namespace_is_fleets_in_members_and_karmada_leaves_it_to_fleet(with_shop: Graph) -> None:
    made = [node for node in with_shop.of_type("kubernetes:core/v1:Namespace") if node.name.startswith("shop")]
    labels = {node.provider_name: node.plain()["metadata"].get("labels") for node in made}
    assert labels == {
        "karmada-provider": {"namespace.karmada.io/skip-auto-propagation": "true"},
        "m0-provider": {"istio-injection": "enabled"},
        "m1-provider": {"istio-injection": "enabled"},
    }


def test_pods_start_in_a_namespace_that_is_there_injected_and_closed(with_shop: Graph) -> None:
    for node in (
        with_shop.one(DEPLOYMENT, "shop.submission.deployment"),
        with_shop.one(POLICY, "shop.placement.policy"),
    ):
        before = with_shop.reaches(node)
        for member in ("m0", "m1"):
            closed = {f"shop.{member}.allow-nothing", f"shop.callers.{member}"}
            assert {f"shop.{member}", f"{member}-istio-istiod", *closed} <= before


def test_nobody_calls_a_workload_without_callers() -> None:
    graph = build(fleet_of(1) | {"workloads": {"shop": {"image": "shop", "ports": {"http": 80}}}})
    rules = [node.plain() for node in graph.of_type(AUTHORIZATION)]
    assert [(rule["metadata"]["name"], rule["spec"]) for rule in rules] == [("allow-nothing", {})]


@pytest.mark.parametrize("entries", [{}, {"shop": SHOP | {"callers": []}}], ids=["no workload", "another namespace"])
def test_what_fleet_injects_is_closed_where_no_entry_is_too(entries: dict[str, Any]) -> None:
    graph = build(fleet_of(1) | LOGINS | {"secrets": {"registry": SecretStr("x")}} | {"workloads": entries})
    closed = {
        node.plain()["metadata"]["namespace"] for node in graph.of_type(AUTHORIZATION) if not node.plain()["spec"]
    }
    assert closed == {"default"} | {entry["namespace"] for entry in entries.values()}
    logins = {node.plain()["metadata"]["namespace"] for node in graph.of_type(SECRET) if ".registries" in node.name}
    assert logins == {entry["namespace"] for entry in entries.values()}, "where pods are that pull"


def test_a_workload_that_begins_like_a_caller_is_none_before_it_starts() -> None:
    entries = article() | {"sleep-well": {"image": "x"}, "sleepy": {"image": "x"}}
    graph = build(fleet_of(2) | {"workloads": entries})
    denied = [node for node in graph.of_type(AUTHORIZATION) if node.plain()["spec"].get("action") == "DENY"]
    assert {node.provider_name for node in denied} == {"m0-provider", "m1-provider"}, "wherever hello is called"
    for node in denied:
        assert node.plain()["metadata"]["name"] == "hello-without-sleep-well"
        assert node.plain()["spec"]["selector"] == {"matchLabels": {"app": "hello"}}
        (source,) = node.plain()["spec"]["rules"][0]["from"]
        assert source["source"]["principals"] == [f"cluster.local/ns/default/sa/sleep-well-m{n}" for n in range(2)]
        for started in ((DEPLOYMENT, "sleep-well.submission.deployment"), (POLICY, "sleep-well.placement.policy")):
            assert node.name in graph.reaches(graph.one(*started))


KEEPER = SHOP | {"secretEnv": {"PASSWORD": {"secret": "shop"}}, "callers": []}


@pytest.fixture(scope="module")
def secretive() -> Graph:
    return build(fleet_of(2) | SECRETS | LOGINS | {"workloads": {"shop": KEEPER}})


def test_a_secret_is_marked_at_its_source_and_stands_nowhere_in_plain_text(secretive: Graph) -> None:
    for node in secretive.nodes.values():
        for text in ("hunter2", "hunter3"):
            assert not contains_unmarked(node.inputs, text), node.name
    secret = secretive.one(SECRET, "shop.submission.secret")
    assert is_secret(secret.inputs["stringData"])
    assert secret.plain()["stringData"] == {"PASSWORD": "hunter2"}
    assert secret.provider_name == "karmada-provider", "Karmada brings it to the members"
    assert {"apiVersion": "v1", "kind": "Secret", "name": "shop-env"} in secretive.one(
        POLICY, "shop.placement.policy"
    ).plain()["spec"]["resourceSelectors"]


def test_what_pods_read_changes_in_place(secretive: Graph) -> None:
    """The provider would delete it first, and Karmada take it from under the pods of every member."""
    provider = secretive.one("pulumi:providers:kubernetes", "karmada-provider").plain()
    assert (provider["enableSecretMutable"], provider["enableConfigMapMutable"]) == ("true", "true")


def test_another_secret_starts_pods_anew_and_tells_nothing_of_itself(secretive: Graph) -> None:
    deployment = secretive.one(DEPLOYMENT, "shop.submission.deployment")
    revision = secretive.one("random:index/randomString:RandomString", "shop.submission.deployment.secret-revision")
    annotations = deployment.plain()["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"fleet/secret-env": revision.outputs["result"]}
    assert not is_secret(deployment.inputs["spec"]), "a preview shows what changes"
    assert is_secret(revision.inputs["keepers"])
    assert revision.plain()["keepers"] == {"PASSWORD": "hunter2"}


def test_images_are_pulled_with_the_registries_logins_in_every_namespace_of_a_workload(secretive: Graph) -> None:
    logins = [node for node in secretive.of_type(SECRET) if node.name.endswith(".registries")]
    assert {(node.provider_name, node.plain()["metadata"]["namespace"]) for node in logins} == {
        ("m0-provider", "shop"),
        ("m1-provider", "shop"),
    }
    for node in logins:
        assert node.plain()["type"] == "kubernetes.io/dockerconfigjson"
        assert is_secret(node.inputs["stringData"])
    accounts = [node.plain() for node in secretive.of_type(ACCOUNT) if ".identity." in node.name]
    assert [account["imagePullSecrets"] for account in accounts] == [[{"name": "fleet-registries"}]] * 2


NAMES = st.sampled_from(["a", "a-b", "a-b-c", "b", "api", "m0-a"])
ENTRY = st.fixed_dictionaries(
    {"image": st.just("x"), "ports": st.sampled_from([{"http": 80}, {"http": 80, "grpc-x": 81}])},
    optional={
        "namespace": st.sampled_from(["default", "one", "two"]),
        "env": st.sampled_from([{"A": "b"}, {"A": "${member}", "B": "$(A)"}]),
        "files": st.just({"/etc/a": "b"}),
        "perMember": st.just({"m0": {"env": {"T": "g"}}}),
        "disruption": st.just({"maxUnavailable": 1}),
        "weights": st.sampled_from([{"m0": 1}, {"m0": 2, "m1": 1}]),
        "traffic": st.sampled_from([{"failover": ["m1", "m0"]}, {"mode": "global"}, {"timeoutSeconds": 2}]),
    },
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """Any table of workloads that is accepted."""
    table: dict[str, Any] = draw(st.dictionaries(NAMES, ENTRY, min_size=1, max_size=4))
    for name, entry in table.items():
        entry["callers"] = draw(st.lists(st.sampled_from(sorted(table)), unique=True, max_size=2))
        if draw(st.booleans()):
            entry["ingress"] = {"hosts": [f"{name}.example"]}
    return table


def kubernetes_objects(graph: Graph) -> list[tuple[str, str, str, str]]:
    """Where, of what kind and called how everything is that goes to a Kubernetes API below the workloads."""
    return [
        (node.provider_name, node.type, metadata.get("namespace", ""), metadata["name"])
        for node in graph.below("workloads")
        if node.type.startswith("kubernetes:")
        for metadata in [node.plain()["metadata"]]
    ]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_in_any_accepted_table_every_object_has_one_policy_and_every_member_one_identity(table: dict[str, Any]) -> None:
    graph = build(fleet_of(2) | {"workloads": table})
    found = kubernetes_objects(graph)
    assert not [one for one, count in Counter(found).items() if count > 1], "one would overwrite another"
    submitted = {
        (kind.rpartition(":")[2], namespace, name)
        for provider, kind, namespace, name in found
        if provider == "karmada-provider" and "policy.karmada.io" not in kind and not kind.endswith(":Namespace")
    }
    placed = Counter(
        (selector["kind"], policy.plain()["metadata"]["namespace"], selector["name"])
        for policy in graph.of_type(POLICY)
        for selector in policy.plain()["spec"]["resourceSelectors"]
    )
    assert placed == dict.fromkeys(submitted, 1)
    accounts = Counter((provider, namespace, name) for provider, kind, namespace, name in found if kind == ACCOUNT)
    assert accounts == {
        (f"{member}-provider", entry.get("namespace", "default"), f"{name}-{member}"): 1
        for name, entry in table.items()
        for member in ("m0", "m1")
    }
    overridden = Counter(
        (node.plain()["metadata"]["namespace"], node.plain()["metadata"]["name"]) for node in graph.of_type(OVERRIDE)
    )
    assert set(overridden.values()) == {1}
    assert len(overridden) == 2 * len(table)


def test_what_is_deployed_says_nothing_of_earlier_workloads_by_default() -> None:
    assert Deployed().earlier_workloads == {}
