"""The program and the emulated API agree: what the config lets through, the API takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from fleet.config.reader import ConfigError, parse
from fleet.lke.catalogue import Catalogue
from fleet.naming import billed_label, linode_tags
from sandbox.linode.catalogue import Catalogue as SoldCatalogue
from sandbox.linode.errors import ApiError
from sandbox.linode.rules import new_pool_problems, within
from sandbox.linode.schemas.base import parse_request
from sandbox.linode.schemas.lke import ClusterCreate, PoolCreate
from tests.unit.configs import fleet_of

if TYPE_CHECKING:
    from fleet.config.settings import FleetConfig

LETTERS = st.text("aZ09-_./:", max_size=4) | st.text("aä٣é\n ", min_size=1, max_size=3)
NAMES = st.text("a9-", min_size=1, max_size=3) | st.sampled_from(["no", "x" * 27, "x" * 28, "a.b"])
DOMAINS = st.sampled_from(["a.b", "a..b", "kubernetes.io", "x.linode.com", "k8s.io", "a-.b", "d" * 64, "d" * 126])
PARTS = st.sampled_from(["a", "n" * 62, "n" * 63, "n" * 64]) | LETTERS
KEYS = PARTS | st.builds("{}/{}".format, DOMAINS, PARTS)
VALUES = st.sampled_from(["a", "", "v" * 63, "v" * 64]) | LETTERS
EFFECTS = st.sampled_from(["NoSchedule", "NoExecute"])
NODES = st.sampled_from([0, 1, 2, 3, 99, 100, 101])
IPV4 = ["203.0.113.0/24", "203.0.113.7/24", "203.0.113.7", "0.0.0.0/0", "203.0.113.0/255.255.255.0", "203.0.113.0/٢٤"]
IPV6 = ["2001:db8::/32", "2001:db8::1/32", "::/0", "::ffff:203.0.113.0/120", "fe80::%eth0/64", "fe80::%1", "::/129"]
NETWORKS = st.integers(0, 2**32) | st.sampled_from([*IPV4, *IPV6, "", "x"])
TAGS = st.text("aZ0:-_ é\n\0", max_size=3) | st.sampled_from(["t" * 24, "t" * 25, "é" * 24, "\N{DOG FACE}" * 24])
TAINTS = st.fixed_dictionaries({"key": st.just("a"), "value": VALUES, "effect": EFFECTS}) | st.fixed_dictionaries(
    {"key": KEYS, "value": st.just("a"), "effect": EFFECTS}
)
POOLS = st.one_of(
    st.fixed_dictionaries({"count": NODES}),
    st.fixed_dictionaries(
        {"autoscaler": st.fixed_dictionaries({"min": NODES, "max": NODES})}, optional={"count": NODES}
    ),
    st.fixed_dictionaries({"labels": st.dictionaries(KEYS, VALUES, min_size=1, max_size=1)}),
    st.fixed_dictionaries({"taints": st.lists(TAINTS, min_size=1, max_size=2)}),
)
CHANGES = st.one_of(
    st.fixed_dictionaries({"name": NAMES}),
    st.fixed_dictionaries({"pool": NAMES}),
    st.fixed_dictionaries({"spec": POOLS}),
    st.fixed_dictionaries({"tags": st.dictionaries(TAGS, TAGS, min_size=1, max_size=1)}),
    st.fixed_dictionaries(
        {"acl": st.dictionaries(st.sampled_from(["ipv4", "ipv6"]), st.lists(NETWORKS, min_size=1, max_size=1))}
    ),
)
"""One thing at a time is odd, so that many configs are accepted."""


def sent(config: FleetConfig, member: str) -> dict[str, Any]:
    """The request for a cluster that Linode's provider makes of what the program hands it."""
    cluster = config.clusters[member]
    pools = [
        {
            "type": pool.type,
            "count": pool.count,
            "label": name,
            "labels": dict(pool.labels),
            "taints": [taint.model_dump(mode="json") for taint in pool.taints],
            "autoscaler": {"enabled": True, **pool.autoscaler.model_dump()} if pool.autoscaler else None,
        }
        for name, pool in cluster.pools.items()
    ]
    acl = cluster.acl and {"enabled": True, "addresses": cluster.acl.model_dump(mode="json")}
    return {
        "label": billed_label(member, "x4f2"),
        "region": cluster.region,
        "k8s_version": config.kubernetes_version(member),
        "tags": linode_tags(config.tags),
        "node_pools": pools,
        "control_plane": {"acl": acl} if acl else None,
    }


@settings(max_examples=600, deadline=None)
@example(change={"spec": {"labels": {f"a.b/{'n' * 63}": "a"}}})
@example(change={"spec": {"labels": {f"{'d' * 120}/{'n' * 8}": "a"}}})
@example(change={"spec": {"taints": [{"key": "a", "value": value, "effect": "NoSchedule"} for value in "bc"]}})
@example(change={"acl": {"ipv6": ["fe80::%eth0/64"]}})
@example(change={"tags": {"t" * 24: "é" * 24}})
@given(change=CHANGES)
def test_what_the_config_lets_through_the_api_takes(change: dict[str, Any]) -> None:
    name, pool = change.get("name", "m0"), {"type": "g6-standard-2", **change.get("spec", {})}
    raw = fleet_of(1, tags=change.get("tags", {}))
    raw["clusters"][name] = {**raw["clusters"].pop("m0"), "pools": {change.get("pool", "main"): pool}}
    if "acl" in change:
        raw["clusters"][name]["acl"] = change["acl"]
    try:
        config = parse(raw)
    except ConfigError:
        event("refused")
        return
    event("accepted")
    assert parse(config.model_dump(by_alias=True)) == config
    try:
        request = parse_request(ClusterCreate, sent(config, name))
    except ApiError as error:
        raise AssertionError(f"{error.problems}: {change}") from error
    assert all(within(pool.count, pool.autoscaler) for pool in request.node_pools)


def test_every_type_can_be_had_in_the_same_regions_by_both() -> None:
    sold = SoldCatalogue.load(kubernetes_versions=("1.35",))
    regions = {name: frozenset(region.capabilities) for name, region in sold.regions.items()}
    offered = Catalogue(
        regions=regions,
        types={name: kind.class_ for name, kind in sold.types.items()},
        kubernetes_versions=frozenset(sold.kubernetes_versions),
    )
    assert {kind.class_ for kind in sold.types.values()} >= {"nanode", "gpu", "premium"}
    for region in sold.regions.values():
        taken = {
            name for name in sold.types if not list(new_pool_problems(PoolCreate(type=name, count=1), sold, region))
        }
        assert offered.usable_types(region.id) == taken, region.id
