"""What a reviewer must have seen, and what must be acknowledged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.config.fields import ACKNOWLEDGEABLE
from plan import dangers as danger_rules
from plan.dangers import Danger, Harm, dangers, stale, unacknowledged
from plan.steps import SERVICE, VOLUME_CLAIM, Resource
from tests.plan.plans import POOL, cluster, release, resource, step


def the_one(*found: Danger) -> Danger:
    (danger,) = found
    return danger


def changed_pools(*pools: dict[str, Any], before: tuple[dict[str, Any], ...] = (POOL,), live: int = 3) -> list[Danger]:
    recorded = [pool | {"diskEncryption": "disabled"} for pool in (before[0] | {"count": live}, *before[1:])]
    old = cluster("us", *before, outputs={"pools": recorded})
    return dangers([step("update", old, cluster("us", *pools))])


def test_a_deleted_cluster_comes_first_and_has_to_be_acknowledged() -> None:
    member = resource(danger_rules.KARMADA_CLUSTER, "eu-agent-cluster", {}, cluster="karmada")
    found = dangers([step("delete", member), step("delete", cluster("eu"))])
    assert [danger.harm for danger in found] == [Harm.CLUSTER, Harm.MEMBER]
    assert found[0].acknowledgement == "delete eu"
    assert "eu" in found[0].what


def test_a_replaced_cluster_is_told_once_although_it_takes_three_steps() -> None:
    old, new = cluster("us"), cluster("us", region="us-west")
    steps = [
        step("create-replacement", old, new),
        step("replace", old, new, keys=("region",)),
        step("delete-replaced", old),
    ]
    danger = the_one(*dangers(steps))
    assert danger.acknowledgement == "replace us"
    assert "(region)" in danger.what, "the reviewer has to know which property forces it"


def test_what_goes_with_its_cluster_is_not_told_again() -> None:
    gateway = release("us-ingress-release", "gateway", {})
    service = resource(SERVICE, "us-endpoint", {"spec": {"type": "LoadBalancer"}})
    namespace = resource(danger_rules.NAMESPACE, "us-istio", {})
    found = dangers([step("delete", one) for one in (gateway, service, namespace, cluster("us"))])
    assert the_one(*found).harm is Harm.CLUSTER


def test_what_is_forgotten_in_an_expelled_member_is_no_loss() -> None:
    """The provider reaches nothing, so nothing is deleted there (docs/decisions/0139)."""
    before = resource(danger_rules.PROVIDER, "us-provider", {"kubeconfig": "us"}, provider="")
    after = resource(danger_rules.PROVIDER, "us-provider", {"deleteUnreachable": "true"}, provider="")
    namespace = step("delete", resource(danger_rules.NAMESPACE, "us-istio", {}))
    gateway = step("delete", release("us-ingress-release", "gateway", {}))
    danger = the_one(*dangers([step("update", before, after), namespace, gateway]))
    assert (danger.harm, danger.cluster, danger.acknowledgement) == (Harm.MEMBER, "us", "")
    assert "member us is expelled for good" in danger.what
    assert dangers([step("same", after, after), namespace, gateway]) == [], "told once"
    assert len(dangers([step("same", before, before), namespace, gateway])) == 2


def test_a_new_kubernetes_version_recycles_every_node() -> None:
    danger = the_one(*dangers([step("update", cluster("us"), cluster("us", k8sVersion="1.36"))]))
    assert (danger.harm, danger.acknowledgement) == (Harm.NODES, "recycle us")
    assert "1.35 to 1.36" in danger.what


def test_a_pool_of_another_type_is_made_anew() -> None:
    danger = the_one(*changed_pools(POOL | {"type": "g6-standard-2"}))
    assert (danger.harm, danger.acknowledgement) == (Harm.NODES, "recycle us")
    assert "all 3 nodes go" in danger.what


def test_a_removed_pool_takes_its_nodes_along() -> None:
    danger = the_one(*changed_pools(POOL, before=(POOL, POOL | {"label": "extra", "count": 1})))
    assert "pool extra with 1 node is removed" in danger.what


def test_a_pool_that_takes_the_place_of_another_has_to_be_acknowledged() -> None:
    batch = POOL | {"label": "batch", "taints": [{"key": "batch", "value": "", "effect": "NoExecute"}]}
    found = changed_pools(batch, POOL)
    assert [(danger.harm, danger.acknowledgement) for danger in found] == [(Harm.NODES, "recycle us")], (
        "the nodes of main get the taints of batch, and lose what runs on them"
    )
    assert "pool main becomes pool batch: 3 nodes get its labels and taints" in found[0].what


def test_a_pool_that_takes_the_place_of_a_larger_one_is_told_to_shrink_it_too() -> None:
    found = changed_pools(POOL | {"label": "batch", "count": 1})
    assert [danger.harm for danger in found] == [Harm.NODES, Harm.CAPACITY]


def test_a_pool_of_another_type_in_the_place_of_another_is_told_with_both_names() -> None:
    danger = the_one(*changed_pools(POOL | {"label": "batch", "type": "g6-standard-2"}))
    assert "pool main is made anew (label main to batch, type g6-standard-4 to g6-standard-2)" in danger.what


def test_a_pool_that_had_no_label_gets_one_without_danger() -> None:
    assert changed_pools(POOL, before=({"type": POOL["type"], "count": 3},)) == [], "an imported cluster has none"


def test_a_smaller_pool_is_told_and_needs_no_acknowledgement() -> None:
    danger = the_one(*changed_pools(POOL | {"count": 2}))
    assert (danger.harm, danger.acknowledgement) == (Harm.CAPACITY, "")
    assert "from 3 nodes to 2" in danger.what


def test_an_autoscaler_removes_the_nodes_above_its_new_maximum() -> None:
    scaled = POOL | {"autoscaler": {"min": 1, "max": 4}}
    danger = the_one(*changed_pools(scaled, before=(POOL | {"autoscaler": {"min": 3, "max": 10}},), live=7))
    assert "from 7 nodes to at most 4" in danger.what


def test_what_an_update_that_failed_left_behind_has_to_be_acknowledged_as_what_is_removed() -> None:
    left = POOL | {"label": "left", "count": 2}
    old = cluster("us", POOL, outputs={"pools": [POOL, left]})
    danger = the_one(*dangers([step("update", old, cluster("us", POOL | {"count": 4}))]))
    assert "pool left with 2 nodes is removed" in danger.what


EMPTY = {"id": 0, "type": "", "count": 0}


def test_a_place_that_the_provider_left_empty_is_passed_over() -> None:
    batch = POOL | {"label": "batch"}
    old = cluster("us", POOL, EMPTY, batch, outputs={"pools": [POOL, EMPTY, batch]})
    assert dangers([step("update", old, cluster("us", POOL, batch))]) == []


def test_a_pool_after_an_empty_place_is_made_anew_unless_it_is_given_its_own_disk_encryption() -> None:
    batch = POOL | {"label": "batch", "diskEncryption": "enabled"}
    old = cluster("us", POOL, EMPTY, batch, outputs={"pools": [POOL, EMPTY, batch]})
    assert dangers([step("update", old, cluster("us", POOL, batch))]) == []
    danger = the_one(*dangers([step("update", old, cluster("us", POOL, POOL | {"label": "batch"}))]))
    assert "pool batch is made anew (diskEncryption enabled to None)" in danger.what


@pytest.mark.parametrize(
    "pools",
    [(POOL,), (POOL | {"count": 5},), (POOL, POOL), (POOL | {"autoscaler": {"min": 1, "max": 3}},)],
    ids=["as it was", "larger", "one more", "with room for what runs"],
)
def test_no_danger_where_no_node_has_to_go(pools: tuple[dict[str, Any], ...]) -> None:
    assert changed_pools(*pools) == []


def test_creating_a_fleet_is_not_dangerous() -> None:
    created = [cluster("eu"), release("eu-ingress", "gateway", {}), resource(VOLUME_CLAIM, "data", {})]
    assert dangers([step("create", None, one) for one in created]) == []


def test_data_is_told_before_addresses() -> None:
    gateway, claim = release("us-ingress", "gateway", {}), resource(VOLUME_CLAIM, "data", {})
    found = dangers([step("replace", gateway, gateway), step("delete", claim)])
    assert [danger.harm for danger in found] == [Harm.DATA, Harm.ADDRESS]


def test_moving_the_storage_of_karmadas_etcd_is_a_loss_of_data() -> None:
    host = release("karmada-release", "/charts/karmada", {"installMode": "host"}, cluster="cluster-manager")
    path = "values.etcd.internal.pvc.size"
    danger = the_one(*dangers([step("update", host, host, diff={path: "update", "values.cfssl": "update"})]))
    assert danger.harm is Harm.DATA
    assert path in danger.what


def test_an_agent_of_karmada_may_come_and_go() -> None:
    agent = release("us-agent-release", "karmada", {"installMode": "agent"})
    assert dangers([step("delete", agent)]) == []


def test_a_new_authority_is_a_matter_of_trust_but_a_new_leaf_is_not() -> None:
    root = resource(danger_rules.SELF_SIGNED, "mesh-root", {"isCaCertificate": True}, provider="")
    leaf = resource(danger_rules.SELF_SIGNED, "leaf", {}, provider="")
    assert the_one(*dangers([step("replace", root, root), step("replace", leaf, leaf)])).harm is Harm.TRUST


def test_protection_is_told_since_the_update_would_stop_there() -> None:
    assert "protected" in the_one(*dangers([step("delete", cluster("us", protect=True))])).what


def test_what_the_config_acknowledges_is_no_longer_open() -> None:
    found = dangers([step("delete", cluster("eu")), step("update", cluster("us"), cluster("us", k8sVersion="1.36"))])
    assert [danger.acknowledgement for danger in unacknowledged(found, ["delete eu"])] == ["recycle us"]
    assert unacknowledged(found, ["delete eu", "recycle us"]) == []
    assert stale(found, ["delete eu", "delete ap"]) == ["delete ap"]


def test_the_config_accepts_every_acknowledgement_that_is_asked_for() -> None:
    us = cluster("us")
    changes = [step("delete", us), step("replace", us, us), step("update", us, cluster("us", k8sVersion="1.36"))]
    asked = {the_one(*dangers([change])).acknowledgement for change in changes}
    assert asked == {f"{verb} us" for verb in ACKNOWLEDGEABLE}


@settings(deadline=None)
@given(before=st.integers(1, 100), after=st.integers(1, 100))
def test_a_pool_is_dangerous_exactly_when_it_shrinks(before: int, after: int) -> None:
    found = changed_pools(POOL | {"count": after}, before=(POOL | {"count": before},), live=before)
    assert bool(found) == (after < before)


def test_values_that_are_secret_are_no_reason_to_fail() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
    hidden = release("karmada-release", "karmada", secret, cluster="cluster-manager")
    pools = Resource(urn=cluster().urn, type=cluster().type, inputs={"pools": secret})
    assert dangers([step("delete", hidden), step("update", pools, pools)]) == []
