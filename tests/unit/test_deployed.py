"""Claims about which step may follow what the last update deployed."""

from typing import Any

import pytest

from fleet import versions
from fleet.config.reader import ConfigError, parse
from fleet.deployed import Deployed, roots_of_expelled
from fleet.steps import errors
from tests.unit.configs import fleet_of
from tests.unit.graph import build


def outputs(**config: Any) -> dict[str, Any]:
    """What the resources of a fleet of two members report."""
    return build(fleet_of(2, **config)).deployed.model_dump(by_alias=True)


def refused(now: dict[str, Any], **config: Any) -> list[str]:
    return errors(parse(fleet_of(2, **config)), Deployed.model_validate(now))


@pytest.fixture(scope="module")
def running() -> dict[str, Any]:
    return outputs()


def test_what_the_resources_of_an_update_report_is_what_the_next_one_starts_from(running: dict[str, Any]) -> None:
    deployed = Deployed.model_validate(running)
    assert {cluster.name: cluster.version for cluster in deployed.clusters} == dict.fromkeys(
        ["manager", "m0", "m1"], "1.35"
    )
    assert deployed.versions.karmada == "v1.18.2"
    assert deployed.versions.istio == {"m0": "1.31.0", "m1": "1.31.0"}
    assert deployed.mesh_roots is not None
    assert (deployed.mesh_roots.trusted, deployed.mesh_roots.signing) == (("root",), "root")


def test_the_same_again_is_always_allowed(running: dict[str, Any]) -> None:
    assert refused(running) == []


@pytest.mark.parametrize("now", [{}, {"nodeIps": {}, "clusters": [], "versions": {}, "meshRoots": None}])
def test_before_the_first_update_and_after_an_older_fleet_everything_is_allowed(now: dict[str, Any]) -> None:
    assert refused(now, certs={"mesh": {"roots": ["a", "b"], "signing": "b"}}) == []


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("1.35", None),
        ("1.34", None),
        ("1.33", "'1.35' skips minors after the '1.33' that runs; go to 1.34 first"),
        ("1.9", "'1.35' skips minors after the '1.9' that runs; go to 1.10 first"),
        ("1.36", "'1.35' is below the '1.36' that runs, and there is no way back; keep '1.36'"),
    ],
)
def test_kubernetes_goes_up_by_one_minor(now: str, reason: str | None) -> None:
    raw = fleet_of(2)
    raw["clusters"]["m0"]["kubernetesVersion"] = "1.35"
    assert errors(parse(raw), Deployed.model_validate({"clusters": [{"name": "m0", "version": now}]})) == (
        [f"clusters.m0.kubernetesVersion: {reason}"] if reason else []
    )


EXPELLED: dict[str, Any] = {
    "clusters": [
        {"name": "manager", "version": "1.35"},
        {"name": "m0", "version": "1.35"},
        {"name": "m1", "version": "1.35"},
        {"name": "m2", "version": "1.35", "expelled": True, "joined": True},
    ],
    "meshRoots": {"trusted": ["root", "next"], "signing": "next", "expelled": {"m2": ["root"]}},
}


def test_an_expelled_member_is_never_trusted_again() -> None:
    again = errors(parse(fleet_of(3)), Deployed.model_validate(EXPELLED | {"meshRoots": None}))
    assert again == [
        "clusters.m2.expelled: False, and what it had would be trusted again; keep it expelled, and add a member under "
        "another name in its place"
    ]


def test_an_expelled_member_goes_when_nobody_trusts_what_may_have_signed_for_it() -> None:
    kept = refused(EXPELLED, certs={"mesh": {"roots": ["root", "next"], "signing": "next"}})
    assert kept == [
        "clusters.m2: is missing, and what 'root' signed for it would be trusted again; keep it expelled until another "
        "root has taken over (docs/day-two.md#another-root)"
    ]
    assert refused(EXPELLED, certs={"mesh": {"roots": ["next"]}}) == []
    assert refused(EXPELLED, layers=["karmada"], certs={"mesh": {"roots": ["root", "next"], "signing": "next"}}) == []


def test_a_cluster_is_not_born_expelled() -> None:
    raw = fleet_of(3)
    raw["clusters"]["m2"]["expelled"] = True
    before = {"clusters": EXPELLED["clusters"][:3]}
    assert errors(parse(raw), Deployed.model_validate(before)) == [
        "clusters.m2.expelled: True on a cluster that is not there; leave its entry out"
    ]
    assert errors(parse(raw), Deployed()) == [], "nothing is known to an update without outputs"


def test_the_roots_of_an_expelled_member_are_those_that_were_trusted_until_then(running: dict[str, Any]) -> None:
    raw = fleet_of(3, certs={"mesh": {"roots": ["root", "next"]}})
    raw["clusters"]["m1"]["expelled"] = raw["clusters"]["m2"]["expelled"] = True
    config = parse(raw)
    assert roots_of_expelled(config, Deployed.model_validate(running)) == {"m1": ("root",), "m2": ("root",)}
    assert roots_of_expelled(config, Deployed.model_validate(EXPELLED)) == {"m1": ("root", "next"), "m2": ("root",)}
    assert roots_of_expelled(config, Deployed())["m1"] == ("root", "next"), "all that may have, where nothing is known"


def test_a_cluster_that_leaves_has_no_next_version() -> None:
    assert refused({"clusters": [{"name": "gone", "version": "1.20"}], "versions": {"istio": {"gone": "1.2.3"}}}) == []


@pytest.mark.parametrize(
    ("now", "allowed"), [("v1.18.0", True), ("v1.17.9", True), ("v1.16.0", False), ("v1.19.0", False)]
)
def test_karmada_goes_up_by_one_minor(now: str, allowed: bool) -> None:
    found = refused({"versions": {"karmada": now}})
    assert [error.split(":")[0] for error in found] == ([] if allowed else ["versions.karmada"])


@pytest.mark.parametrize(("now", "allowed"), [("1.31.4", True), ("1.30.4", True), ("1.32.0", True), ("1.29.0", False)])
def test_istio_goes_up_or_back_by_one_minor(now: str, allowed: bool) -> None:
    found = refused({"versions": {"istio": {"m1": now}}})
    assert [error.split(":")[0] for error in found] == ([] if allowed else ["clusters.m1.istioVersion"])


def test_a_layer_that_is_left_out_has_no_next_step(running: dict[str, Any]) -> None:
    old = running | {"versions": {"karmada": "v1.2.0", "istio": {"m0": "1.2.0"}}, "meshRoots": None}
    assert refused(old, layers=[]) == []


def test_one_member_runs_another_istio_before_the_others() -> None:
    raw = fleet_of(2, versions={"istio": "1.30.4"})
    raw["clusters"]["m0"]["istioVersion"] = "1.31.0"
    graph = build(raw)
    versions = {
        name: graph.one("kubernetes:helm.sh/v3:Release", f"{name}-istio-istiod").plain()["version"]
        for name in ("m0", "m1")
    }
    assert versions == {"m0": "1.31.0", "m1": "1.30.4"}
    assert graph.outputs["stack"]["versions"]["istio"] == versions


def test_istios_of_two_members_are_at_most_a_minor_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.KUBERNETES_BY_ISTIO, "1.32", frozenset({"1.35"}))
    raw = fleet_of(2, versions={"istio": "1.30.4"})
    raw["clusters"]["m1"]["istioVersion"] = "1.32.0"
    with pytest.raises(ConfigError, match=r"m1.istioVersion: '1.32.0' is more than one minor .* upgrade 'm0' first"):
        parse(raw)


def running_in(**m0: Any) -> dict[str, Any]:
    return {"clusters": [{"name": "m0", "version": "1.35", "region": "eu-west", **m0}]}


def test_a_member_cannot_move_to_another_region() -> None:
    [error] = refused(running_in(region="us-west"))
    assert error.startswith("clusters.m0.region: 'eu-west' is not where it is")
    assert "keep 'us-west'; add a member under another name there, then drain this one and remove it" in error


def test_a_manager_moves_by_backup_and_restore() -> None:
    [error] = refused({"clusters": [{"name": "manager", "version": "1.35", "region": "us-west"}]})
    assert error.startswith("clusters.manager.region: 'eu-west' is not where it is")
    assert "docs/karmada.md#another-manager" in error


def with_pools(*names: str) -> dict[str, Any]:
    raw = fleet_of(1)
    raw["clusters"]["m0"]["pools"] = {name: {"type": "g6-standard-2"} for name in sorted(names)}
    return raw


THREE = running_in(pools=[{"name": name, "type": "g6-standard-2"} for name in ("main", "batch", "api")])


@pytest.mark.parametrize(
    ("left", "keys"),
    [
        (["main", "batch", "api"], []),
        (["main", "batch", "api", "a-new-one"], []),
        (["main", "batch"], []),
        (["main"], []),
        (["another"], []),
        (["main", "another"], []),
        (["batch", "api"], ["clusters.m0.pools.main"]),
        (["main", "api"], ["clusters.m0.pools.batch"]),
        (["api"], ["clusters.m0.pools.main", "clusters.m0.pools.batch"]),
        (["batch", "another"], ["clusters.m0.pools.main"]),
    ],
)
def test_only_the_last_pools_of_a_cluster_can_go(left: list[str], keys: list[str]) -> None:
    found = errors(parse(with_pools(*left)), Deployed.model_validate(THREE))
    assert [error.split(":")[0] for error in found] == keys, "those that follow would take its place, and its nodes"


def test_a_second_pool_of_a_name_holds_back_none_that_came_before_it() -> None:
    """An update left it that failed, and it goes with the next one."""
    pools = [{"name": name, "type": "g6-standard-2"} for name in ("main", "batch", "main")]
    assert errors(parse(with_pools("main")), Deployed.model_validate(running_in(pools=pools))) == []


def test_a_pool_that_has_to_stay_is_told_with_the_ways_out() -> None:
    [error] = errors(parse(with_pools("batch", "api")), Deployed.model_validate(THREE))
    assert "keep 'main', of another type or count if need be, or remove 'batch', 'api' in an update before" in error


@pytest.mark.parametrize("steps", [(["main"], ["batch"]), (["main", "batch"], ["main", "api"])])
def test_the_way_out_is_one_that_is_allowed(steps: tuple[list[str], ...]) -> None:
    """A pool in front goes in two updates: first those after it, and then it makes way for them."""
    now: dict[str, Any] = THREE
    for left in steps:
        raw = with_pools(*left)
        assert errors(parse(raw), Deployed.model_validate(now)) == []
        now = build(raw, deployed=now).deployed.model_dump(by_alias=True)
    assert [pool.name for pool in Deployed.model_validate(now).pools("m0")] == steps[-1]


def test_an_acl_cannot_be_taken_out_again() -> None:
    raw = fleet_of(1, layers=[])
    raw["clusters"]["m0"]["acl"] = {"ipv4": ["192.0.2.0/24"]}
    with_acl = build(raw).deployed
    assert errors(parse(raw), with_acl) == []
    [error] = errors(parse(fleet_of(1, layers=[])), with_acl)
    assert error.startswith("clusters.m0.acl: is missing")
    assert "0.0.0.0/0" in error


ETCD = {"manager": "manager", "storageClass": "linode-block-storage", "size": "10Gi"}


def test_what_etcd_was_made_with_is_remembered(running: dict[str, Any]) -> None:
    assert running["etcd"] == ETCD
    assert outputs(layers=[]).get("etcd") is None


@pytest.mark.parametrize(("key", "before"), [("storageClass", "linode-block-storage-retain"), ("size", "20Gi")])
def test_the_storage_of_an_etcd_that_runs_cannot_change(key: str, before: Any) -> None:
    [error] = refused({"etcd": ETCD | {key: before}})
    assert error.startswith(f"karmada.etcd.{key}: {ETCD[key]!r} is not the {before!r} that its etcd was made with")
    assert "docs/karmada.md#another-manager" in error


def test_the_storage_of_an_etcd_that_does_not_run_yet_is_free() -> None:
    larger = {"etcd": {"size": "20Gi"}}
    assert refused({}, karmada=larger) == []
    assert refused({"etcd": None}, karmada=larger) == []
    assert refused({"etcd": ETCD}, karmada=larger, layers=["mesh"]) == [], "it goes with its layer"


def test_another_manager_is_free_to_be_elsewhere_and_to_have_other_storage() -> None:
    raw = fleet_of(1, karmada={"etcd": {"size": "20Gi"}})
    raw["clusters"]["manager-2"] = raw["clusters"].pop("manager") | {"region": "us-west"}
    now = {"etcd": ETCD, "clusters": [{"name": "manager", "version": "1.35", "region": "eu-west"}]}
    assert errors(parse(raw), Deployed.model_validate(now)) == []


ROTATION: list[dict[str, Any]] = [
    {},
    {"roots": ["root", "next"]},
    {"roots": ["root", "next"], "signing": "next"},
    {"roots": ["next"]},
]


def after(step: dict[str, Any]) -> dict[str, Any]:
    mesh = parse(fleet_of(1, certs={"mesh": step})).certs.mesh
    return {"meshRoots": {"trusted": list(mesh.roots), "signing": mesh.signing_root}}


@pytest.mark.parametrize("index", range(len(ROTATION) - 1))
def test_a_rotation_goes_step_by_step_and_each_step_can_be_taken_back(index: int) -> None:
    now, following = ROTATION[index], ROTATION[index + 1]
    assert refused(after(now), certs={"mesh": following}) == []
    if index < 2:
        assert refused(after(following), certs={"mesh": now}) == []


@pytest.mark.parametrize(
    ("now", "wanted", "keys"),
    [
        (0, 2, ["certs.mesh.signing"]),
        (0, 3, ["certs.mesh.signing", "certs.mesh.roots"]),
        (1, 3, ["certs.mesh.roots"]),
        (2, 0, ["certs.mesh.roots"]),
        (3, 0, ["certs.mesh.signing", "certs.mesh.roots"]),
    ],
)
def test_a_step_of_a_rotation_that_is_left_out_is_refused(now: int, wanted: int, keys: list[str]) -> None:
    found = refused(after(ROTATION[now]), certs={"mesh": ROTATION[wanted]})
    assert [error.split(":")[0] for error in found] == keys


ENCRYPTED = {"encryption": {"keys": ["first"], "writing": "first"}}
BOTH = {"encryption": {"keys": ["first", "next"], "writing": "first"}}
TURNED = {"encryption": {"keys": ["first", "next"], "writing": "next"}}


@pytest.mark.parametrize(
    ("now", "wanted", "reason"),
    [
        ({}, {"keys": ["a", "b"], "writing": "b"}, None),
        (ENCRYPTED, {}, None),
        (ENCRYPTED, {"keys": ["first", "next"]}, None),
        (BOTH, {"keys": ["first", "next"], "writing": "next"}, None),
        (TURNED, {"keys": ["next"]}, None),
        (TURNED, {"keys": ["next", "first"]}, None),
        (
            ENCRYPTED,
            {"keys": ["first", "next"], "writing": "next"},
            "karmada.encryption.writing: 'next' is not known to Karmada's API servers yet; add it to keys, keep "
            "writing with 'first' for one update, and switch then",
        ),
        (
            BOTH,
            {"keys": ["next"]},
            "karmada.encryption.keys: 'first' is missing, by which Karmada's secrets are encrypted; keep it for one "
            "update that writes with another, and for as long as a backup from before is to be restored",
        ),
    ],
)
def test_a_key_of_encryption_reads_before_it_writes_and_goes_when_another_one_has_written(
    now: dict[str, Any], wanted: dict[str, Any], reason: str | None
) -> None:
    assert refused(now, karmada={"encryption": wanted}) == ([reason] if reason else [])
