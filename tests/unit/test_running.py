"""Claims about what the program takes for deployed: what resources report, and what Linode has."""

import base64
from typing import Any

import pytest

from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.disruptions import REQUIRED, one_a_node
from fleet.karmada.encryption import configuration, fingerprint
from fleet.lke.linode_clusters import LiveCluster, LivePool
from fleet.running import deployed, identities
from fleet.state import State
from fleet.steps import errors
from fleet.upgrades import errors as version_errors
from tests.unit.configs import fleet_of

FLEET = ("fleet:index:Fleet", "fleet")
RELEASE = "kubernetes:helm.sh/v3:Release"
POOL = {"id": 5, "label": "main", "type": "g6-standard-2", "count": 1}
ROOTS = {"root": "PEM of root\n", "next": "PEM of next\n"}
ENCRYPTED = ("karmada-encryption-config", "encryption-config.yaml")


def cluster(name: str, **outputs: Any) -> dict[tuple[str, str], Any]:
    """A cluster's resources."""
    made = {"id": "77", "k8sVersion": "1.35", "region": "eu-west", "pools": [POOL]} | outputs
    return {("linode:index/lkeCluster:LkeCluster", f"{name}-cluster"): made}


def secret(name: str, key: str, text: str) -> dict[tuple[str, str], Any]:
    return {("kubernetes:core/v1:Secret", name): {"data": {key: base64.b64encode(text.encode()).decode()}}}


def released(name: str, status: str = "deployed", **outputs: Any) -> dict[tuple[str, str], Any]:
    return {(RELEASE, name): {"status": {"status": status}} | outputs}


def kept(name: str, **value: Any) -> dict[tuple[str, str], Any]:
    """What the engine keeps, as it was when its resource was last updated."""
    return {("pulumi:index:Stash", name): {"input": value}}


def karmada(version: str, status: str = "deployed", keys: str = "") -> dict[tuple[str, str], Any]:
    annotations = {"fleet/encryption": fingerprint(keys)}
    values = {"karmadaImageVersion": version, "apiServer": {"podAnnotations": annotations}}
    return released("karmada-release", status, values=values)


def mesh(*members: str, trusted: tuple[str, ...] = ("root",), signed_by: str = "root") -> dict[tuple[str, str], Any]:
    """The roots that there are, and what members have of them."""
    found: dict[tuple[str, str], Any] = {
        ("tls:index/selfSignedCert:SelfSignedCert", f"mesh-{name}-cert"): {"certPem": pem}
        for name, pem in ROOTS.items()
    }
    found |= {
        ("tls:index/privateKey:PrivateKey", f"mesh-{name}-key"): {"privateKeyPem": f"key of {name}"} for name in ROOTS
    }
    for member in members:
        found |= secret(f"{member}-istio-cacerts", "root-cert.pem", "".join(ROOTS[name] for name in trusted))
        kind = "tls:index/locallySignedCert:LocallySignedCert"
        signed = {"caCertPem": ROOTS[signed_by], "caPrivateKeyPem": f"key of {signed_by}"}
        found[(kind, f"{member}-istio-ca-intermediate-cert")] = signed
    return found


def found(*parts: dict[tuple[str, str], Any], told: dict[str, Any] | None = None, **live: LiveCluster) -> Deployed:
    resources = {key: value for part in parts for key, value in part.items()}
    return deployed(State(resources=resources | ({FLEET: told} if told else {})), live)


def refused(now: Deployed, **config: Any) -> list[str]:
    return errors(parse(fleet_of(2, **config)), now)


def live(version: str = "1.35", unready: int = 0, **pools: tuple[int, int]) -> LiveCluster:
    """What Linode has of a cluster; a pool has its id and its count."""
    return LiveCluster(
        version=version,
        pools={
            number: LivePool(label=label, type="g6-standard-2", count=count, unready=unready)
            for label, (number, count) in pools.items()
        },
    )


@pytest.mark.parametrize(
    ("api_server", "share"),
    [
        ({}, False),
        ({"affinity": {"nodeAffinity": {}}}, False),
        ({"affinity": {"podAntiAffinity": {REQUIRED: [{"topologyKey": "kubernetes.io/hostname"}]}}}, False),
        ({"affinity": one_a_node({"app": "karmada-apiserver"})}, True),
        ({"affinity": {"podAntiAffinity": {REQUIRED: []}}}, True),
    ],
)
def test_api_servers_share_a_node_if_the_release_gave_them_no_anti_affinity_between_templates(
    api_server: dict[str, Any], share: bool
) -> None:
    release = released("karmada-release", values={"karmadaImageVersion": "v1.18.2", "apiServer": api_server})
    assert found(release).api_servers_share is share, "the chart's own anti-affinity is between all of them"


@pytest.mark.parametrize(("owner", "held"), [("karmada-system", False), ("karmada-etcd-volume", True)])
def test_etcds_volume_has_its_holder_once_it_has_been_given_to_it(owner: str, held: bool) -> None:
    metadata = {"name": "pvc-1", "ownerReferences": [{"kind": "Namespace", "name": owner}]}
    patch = {("kubernetes:core/v1:PersistentVolumePatch", "karmada-etcd-volume-owned"): {"metadata": metadata}}
    release = released("karmada-release", values={"karmadaImageVersion": "v1.18.2"})
    assert found(release, patch).etcd_volume_held is held
    assert not found(release).etcd_volume_held, "an update that broke off may have made a volume that nobody owns"


def test_a_stack_without_resources_has_nothing_deployed() -> None:
    assert found() == Deployed()


def test_a_cluster_is_what_its_resource_reports_whatever_the_last_program_said() -> None:
    told = {"clusters": [{"name": "m0", "version": "1.33", "region": "us-west"}, {"name": "gone", "version": "1.33"}]}
    [m0] = found(cluster("m0"), told=told).clusters
    assert (m0.name, m0.version, m0.region, m0.acl, m0.expelled, m0.joined) == (
        "m0",
        "1.35",
        "eu-west",
        False,
        False,
        False,
    )


def test_an_acl_an_expulsion_and_a_registration_are_seen_in_their_resources() -> None:
    [m0] = found(
        cluster("m0", controlPlane={"acl": {"enabled": True}}),
        {("pulumi:providers:kubernetes", "m0-provider"): {"deleteUnreachable": "true"}},
        {("kubernetes:cluster.karmada.io/v1alpha1:Cluster", "m0-agent-cluster"): {}},
    ).clusters
    assert (m0.acl, m0.expelled, m0.joined) == (True, True, True)


def test_linode_tells_how_many_nodes_a_pool_has_and_the_state_where_it_does_not() -> None:
    assert found(cluster("m0"), m0=live(main=(5, 4))).pools("m0")[0].nodes == 4
    assert found(cluster("m0")).pools("m0")[0].nodes == 1
    silent = LiveCluster(version="1.35", told_pools=False)
    now = found(cluster("m0"), m0=silent)
    assert (now.pools("m0")[0].nodes, now.clusters[0].astray) == (1, ())


def test_a_place_that_the_provider_left_empty_is_no_pool() -> None:
    """It leaves it so in every refresh: an update that waited for it to go would wait forever."""
    empty = {"id": 0, "type": "", "count": 0}
    batch = {"id": 6, "label": "batch", "type": "g6-standard-2", "count": 2, "diskEncryption": "enabled"}
    main = POOL | {"diskEncryption": "disabled"}
    now = found(cluster("m0", pools=[main, empty, batch]), m0=live(main=(5, 1), batch=(6, 4)))
    assert now.clusters[0].astray == ()
    assert [(pool.name, pool.nodes) for pool in now.pools("m0")] == [("main", 1), ("batch", 4)]
    assert [pool.disk_encryption for pool in now.pools("m0")] == [None, "enabled"], (
        "the provider would take it from the empty place, and make batch anew for it"
    )


def test_a_pool_that_was_recorded_and_never_made_is_still_one_that_linode_has_not() -> None:
    never = {"label": "extra", "type": "g6-standard-2", "count": 1}
    [told] = found(cluster("m0", pools=[POOL, never]), m0=live(main=(5, 1))).clusters[0].astray
    assert told == "Linode has no pool 'extra', and the state has one"


def test_a_cluster_of_an_older_state_is_known_by_its_provider() -> None:
    resources = cluster("m0", id=None) | {("pulumi:providers:kubernetes", "m0-provider"): {"clusterIdentifier": "9"}}
    assert identities(State(resources=resources)) == {"m0": 9}
    assert identities(State(resources=cluster("m0"))) == {"m0": 77}


@pytest.mark.parametrize(
    ("linode", "what"),
    [
        (live(main=(5, 9)), None),
        (live(main=(5, 1), extra=(6, 1)), None),
        (live("1.34", main=(5, 1)), "Linode runs Kubernetes 1.34, and the state has 1.35"),
        (live(other=(5, 1)), "Linode's pool 'other' of g6-standard-2 is 'main' of g6-standard-2 in the state"),
        (live(main=(6, 1)), "Linode has no pool 'main', and the state has one"),
    ],
)
def test_what_linode_has_otherwise_is_recorded_before_anything_changes(linode: LiveCluster, what: str | None) -> None:
    told = refused(found(cluster("m0"), m0=linode), layers=[])
    remedy = "`pulumi refresh --target '**::m0-cluster'` records what there is, and then this config can be carried out"
    assert told == ([f"clusters.m0: {what}; {remedy}"] if what else [])


def test_a_cluster_goes_up_only_while_all_nodes_of_the_others_are_ready() -> None:
    raw = fleet_of(2)
    raw["clusters"]["m0"]["kubernetesVersion"] = "1.35"
    low = {name: cluster(name, k8sVersion="1.34", id=str(i)) for i, name in enumerate(("manager", "m0", "m1"), 1)}
    ready, away = live("1.34", main=(5, 1)), live("1.34", unready=1, main=(5, 1))
    assert version_errors(parse(raw), found(*low.values(), m0=away, m1=ready)) == [], "its own are about to go anyway"
    [error] = version_errors(parse(raw), found(*low.values(), m0=ready, m1=away))
    assert error.startswith("clusters.m0.kubernetesVersion: '1.35' recycles every node while Linode has nodes of 'm1'")


def test_a_release_is_of_the_version_that_it_reports_whatever_the_last_program_said() -> None:
    told = {"versions": {"karmada": "v1.18.2", "istio": {"m0": "1.31.0", "gone": "1.31.0"}}}
    now = found(karmada("v1.17.3"), released("m0-istio-istiod", version="1.30.4"), told=told)
    assert (now.versions.karmada, now.versions.istio) == ("v1.17.3", {"m0": "1.30.4"})
    sources = found(released("m0-istio-istiod", version="1.0.0"), told=told)
    assert sources.versions.istio == {"m0": "1.31.0"}, "a chart in Istio's sources does not tell"
    described = found(released("m0-istio-istiod", version="1.0.0", description="of version 1.30.4"), told=told)
    assert described.versions.istio == {"m0": "1.30.4"}, "and its release does"


def test_a_layer_whose_release_is_gone_runs_nothing() -> None:
    told = {"versions": {"karmada": "v1.18.2", "istio": {"m0": "1.31.0"}}, "ingresses": {"m0": "203.0.113.7"}}
    now = found(cluster("m0"), told=told)
    assert (now.versions.karmada, now.versions.istio, now.ingresses) == (None, {}, {})


def test_what_runs_in_an_expelled_member_is_forgotten_by_the_second_update() -> None:
    gone = {("pulumi:providers:kubernetes", "m0-provider"): {"deleteUnreachable": "true"}}
    parts = (cluster("m0"), released("m0-istio-istiod", version="1.31.0"), released("m0-ingress-release"))
    last = {"versions": {"istio": {"m0": "1.31.0"}}, "ingresses": {"m0": "203.0.113.7"}}
    for now in (found(*parts, told=last), found(*parts, gone, told=last)):
        assert (set(now.versions.istio), set(now.ingresses)) == ({"m0"}, {"m0"}), "no update was done without it"
    earlier = found(*parts, gone, told={"versions": {"istio": {}}, "ingresses": {}})
    for then in (earlier, found(*parts, gone, kept("m0-expelled", roots=["root"]))):
        assert (then.versions.istio, then.ingresses) == ({}, {})
    assert set(found(*parts, gone).versions.istio) == {"m0"}, "an update that left its releases alone forgot none"


def test_a_minor_that_was_begun_is_finished_before_the_next_one() -> None:
    begun = found(karmada("v1.17.3", "failed"), released("m0-istio-istiod", "pending-upgrade", version="1.30.4"))
    assert refused(begun) == [
        "versions.karmada: 'v1.18.2' comes after 'v1.17.3', which was begun and is not well; finish 'v1.17.3' first",
        "clusters.m0.istioVersion: '1.31.0' comes after '1.30.4', which was begun and is not well; finish '1.30.4' "
        "first",
    ]
    assert refused(found(karmada("v1.18.2", "failed"))) == []
    assert refused(found(karmada("v1.17.3"))) == []


TOLD = {"meshRoots": {"trusted": ["root", "next"], "signing": "root", "expelled": {}}}
"""What a program with both roots says, also where it was let do something else only."""


def test_a_root_is_trusted_once_every_members_cacerts_have_it() -> None:
    switched = {"certs": {"mesh": {"roots": ["root", "next"], "signing": "next"}}}
    targeted = found(mesh("m0", "m1"), told=TOLD)
    [error] = refused(targeted, **switched)
    assert error.startswith("certs.mesh.signing: 'next' is not trusted by the members yet")
    half = mesh("m0", trusted=("root", "next")) | mesh("m1")
    assert len(refused(found(half, told=TOLD), **switched)) == 1, "m1 would refuse what m0 signs"
    assert refused(found(mesh("m0", "m1", trusted=("root", "next")), told=TOLD), **switched) == []


def test_every_root_that_signed_for_a_member_has_to_stay() -> None:
    both = ("root", "next")
    mixed = mesh("m0", trusted=both, signed_by="next") | mesh("m1", trusted=both)
    [error] = refused(found(mixed, told=TOLD), certs={"mesh": {"roots": ["next"]}})
    assert error.startswith("certs.mesh.roots: 'root' is missing, which signed until now")
    new = mesh("m0", "m1", trusted=both, signed_by="next")
    assert refused(found(new, told=TOLD), certs={"mesh": {"roots": ["next"]}}) == []


def test_a_root_that_was_renewed_and_reached_nobody_yet_is_no_other_root() -> None:
    stale = mesh("m0", "m1")
    stale[("tls:index/selfSignedCert:SelfSignedCert", "mesh-root-cert")] = {"certPem": "PEM of a renewed root\n"}
    assert refused(found(stale), certs={"mesh": {"roots": ["root", "next"]}}) == []
    [error] = refused(found(stale), certs={"mesh": {"roots": ["root", "next"], "signing": "next"}})
    assert error.startswith("certs.mesh.signing: 'next' is not trusted by the members yet")


def test_a_member_is_expelled_once_its_provider_reaches_nothing() -> None:
    told = {"meshRoots": TOLD["meshRoots"] | {"expelled": {"m1": ["root"], "left": ["root"]}}}
    now = found(cluster("m1"), mesh("m0"), told=told)
    assert now.mesh_roots is not None
    assert now.mesh_roots.expelled == {"left": ("root",)}, "m1 was to be, by an update that did something else only"
    gone = {("pulumi:providers:kubernetes", "m1-provider"): {"deleteUnreachable": "true"}}
    expelled = found(cluster("m1"), gone, mesh("m0"), told=told).mesh_roots
    assert expelled is not None
    assert expelled.expelled == {"m1": ("root",), "left": ("root",)}
    noted = found(cluster("m1"), gone, mesh("m0"), kept("m1-expelled", roots=["next"]), told=told).mesh_roots
    assert noted is not None
    assert noted.expelled["m1"] == ("next",), "what is kept outweighs what an earlier Fleet said"


def test_a_key_is_known_once_the_api_servers_were_given_it() -> None:
    old, new = (configuration([(name, "c2VjcmV0") for name in names]) for names in (("key",), ("key", "next")))
    told = {"encryption": {"keys": ["key", "next"], "writing": "key"}}
    switched = {"karmada": {"encryption": {"keys": ["key", "next"], "writing": "next"}}}
    targeted = found(secret(*ENCRYPTED, old), karmada("v1.18.2", keys=old), told=told)
    [error] = refused(targeted, **switched)
    assert error.startswith("karmada.encryption.writing: 'next' is not known to Karmada's API servers yet")
    given = found(secret(*ENCRYPTED, new), karmada("v1.18.2", keys=new), told=told)
    assert refused(given, **switched) == []


def test_two_keys_have_to_stay_where_an_update_ended_between_them() -> None:
    text = configuration([(name, "c2VjcmV0") for name in ("key", "next")])
    told = {"encryption": {"keys": ["key", "next"], "writing": "next"}}
    targeted = found(secret(*ENCRYPTED, text), karmada("v1.18.2", keys=text), told=told)
    [error] = refused(targeted, karmada={"encryption": {"keys": ["next"]}})
    assert error.startswith("karmada.encryption.keys: 'key' is missing, by which Karmada's secrets are encrypted")


def test_the_key_by_which_all_is_encrypted_is_the_one_that_is_kept_whatever_the_last_program_said() -> None:
    text = configuration([(name, "c2VjcmV0") for name in ("first", "next")])
    told = {"encryption": {"keys": ["first", "next"], "writing": "next"}}
    parts = (secret(*ENCRYPTED, text), karmada("v1.18.2", keys=text), kept("karmada-encrypted", writing="first"))
    now = found(*parts, told=told).encryption
    assert now is not None
    assert (now.writing, now.keys) == ("first", ("first", "next"))


MANAGER = {("pulumi:providers:kubernetes", "karmada-provider"): {"clusterIdentifier": "karmada-77"}}


def test_etcd_is_as_the_release_has_it_on_the_cluster_that_karmadas_provider_names() -> None:
    told = {"etcd": {"manager": "other", "storageClass": "another", "size": "20Gi"}}
    storage = {"storageClass": "linode-block-storage", "size": "10Gi"}
    etcd = {"mode": "internal", "internal": {"storageType": "pvc", "pvc": storage}}
    release = released("karmada-release", values={"karmadaImageVersion": "v1.18.2", "etcd": etcd})
    now = found(cluster("hub"), MANAGER, release, told=told).etcd
    assert now is not None
    assert (now.manager, now.storage_class, now.size) == ("hub", "linode-block-storage", "10Gi")
    assert found(cluster("hub"), told=told).etcd is None, "before there is a release"


@pytest.mark.parametrize("by_node", [True, False])
def test_karmadas_firewalls_let_in_what_they_report_whatever_the_last_program_said(by_node: bool) -> None:
    told = {"karmadaFirewall": {"manager": "hub", "linodes": [1], "sources": ["198.51.100.0/24"]}}
    rule = {"label": "karmada-api", "ipv4s": ["192.0.2.7/32"], "ipv6s": ["2001:db8::/32"]}
    icmp = {"label": "icmp", "ipv4s": ["0.0.0.0/0"]}
    annotation = '{"allowList": {"ipv4": ["192.0.2.7/32"], "ipv6": ["2001:db8::/32"]}}'
    nodes = {"label": "karmada-77", "linodes": [5, 6], "inbounds": [icmp, rule] if by_node else [icmp]}
    acl = {"service.beta.kubernetes.io/linode-loadbalancer-firewall-acl": annotation}
    balancer = {("kubernetes:core/v1:ServicePatch", "karmada-firewall-balancer"): {"metadata": {"annotations": acl}}}
    resources = {("linode:index/firewall:Firewall", "karmada-firewall-nodes"): nodes} | ({} if by_node else balancer)
    now = found(cluster("hub"), resources, told=told).karmada_firewall
    assert now is not None
    assert (now.manager, now.linodes, now.sources) == ("hub", (5, 6), ("192.0.2.7/32", "2001:db8::/32"))
    assert found(cluster("hub"), told=told).karmada_firewall is None


def test_a_gateway_is_where_its_component_found_it() -> None:
    told = {"ingresses": {"m0": "198.51.100.1"}, "eastWestGateways": {"m0": "198.51.100.2"}}
    component = {("fleet:mesh:IngressGateway", "m0-ingress"): {"address": "203.0.113.7"}}
    now = found(released("m0-ingress-release"), released("m0-east-west-release"), component, told=told)
    assert (now.ingresses, now.east_west_gateways) == ({"m0": "203.0.113.7"}, {"m0": ""})


def test_the_region_of_backups_is_that_of_their_bucket() -> None:
    bucket = {("linode:index/objectStorageBucket:ObjectStorageBucket", "karmada-backup-bucket"): {"region": "us-east"}}
    backups = found(bucket, told={"backups": {"region": "eu-west"}}).backups
    assert backups is not None
    assert backups.region == "us-east"
