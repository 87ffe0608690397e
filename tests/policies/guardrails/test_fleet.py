"""The fleet against its own guardrails: what each change of the config trips, and what the message tells to do."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.config.enforcement import Guardrail, Level
from tests.policies.guardrails.fleets import findings, planned_of, stack_of
from tests.unit.configs import stack as config_of
from tests.unit.graph import Stage
from tests.unit.test_config import changed

BACKUP = {
    "bucket": "prod-backups",
    "region": "us-east",
    "recipient": "age1m3fg9r3vcn353sj7lqn0pg0dm0e2hyfykth0ujm0rwcqv89f5vxqrqr5pn",
}


@pytest.mark.parametrize("stage", Stage)
def test_the_production_stack_breaks_no_guardrail(stage: Stage) -> None:
    config = config_of("prod")
    # Nobody's bucket and recipient can be checked in.
    config["karmada"]["backup"] = BACKUP
    assert [str(finding) for _, finding in findings(planned_of(config, stage), stack_of(config))] == []


@pytest.mark.parametrize(("profile", "advised"), [("production", True), ("development", False)])
def test_a_production_stack_without_backups_is_advised_to_have_them(profile: str, advised: bool) -> None:
    config = config_of("prod")
    config["guardrails"]["profile"] = profile
    found = list(findings(planned_of(config, Stage.PREVIEW), stack_of(config), [Level.ADVISORY]))
    told = [str(finding) for guardrail, finding in found if guardrail is Guardrail.KARMADA_BACKUP]
    assert told == (
        [
            "release karmada-release: nothing backs up Karmada's etcd. Set fleet:karmada.backup to a bucket and a "
            "recipient, as docs/backup.md has it."
        ]
        if advised
        else []
    )


@pytest.mark.parametrize("name", ["dev", "sandbox"])
def test_the_other_stacks_break_nothing_that_would_stop_them(name: str) -> None:
    config = config_of(name)
    found = list(findings(planned_of(config, Stage.PREVIEW), stack_of(config), [Level.MANDATORY]))
    assert [str(finding) for _, finding in found] == []


BROKEN: list[tuple[str, Any, Guardrail, str, str]] = [
    (
        "clusters.us.highAvailability",
        False,
        Guardrail.CONTROL_PLANE_AVAILABILITY,
        "cluster us: its control plane is a single machine",
        "Set fleet:clusters.us.highAvailability to true",
    ),
    ("clusters.us.acl", None, Guardrail.CONTROL_PLANE_ACL, "cluster us: its control plane has no ACL", "us.acl to"),
    (
        "clusters.us.acl",
        {"ipv4": ["203.0.113.0/24", "0.0.0.0/0"]},
        Guardrail.CONTROL_PLANE_ACL,
        "cluster us: its ACL lets in 0.0.0.0/0, which is much of the internet",
        "Set fleet:clusters.us.acl to the networks of your operators",
    ),
    (
        "karmada.acl",
        None,
        Guardrail.KARMADA_ACL,
        "cluster cluster-manager: its nodes are behind no firewall that drops what it does not name",
        "Set fleet:karmada.acl to the networks of your operators and your CI, where `pulumi up` runs as well",
    ),
    (
        "karmada.acl",
        None,
        Guardrail.KARMADA_ACL,
        "service karmada-endpoint: its NodeBalancer has no ACL, so the whole internet can reach Karmada's API",
        "fleet:karmada.acl",
    ),
    (
        "clusters.us.acl",
        {"ipv6": ["::/0"], "peers": True},
        Guardrail.CONTROL_PLANE_ACL,
        "lets in ::/0",
        "fleet:clusters.us.acl",
    ),
    (
        "clusters.us.pools.main",
        {"type": "g6-standard-4", "count": 1},
        Guardrail.NODE_LOSS,
        "cluster us: pool main may have 1 node, and none when that is lost",
        "Set fleet:clusters.us.pools.main.count to 2 or more",
    ),
    (
        "clusters.us.pools.main",
        {"type": "g6-standard-4", "count": 3, "autoscaler": {"min": 1, "max": 3}},
        Guardrail.NODE_LOSS,
        "pool main may have 1 node",
        "Set fleet:clusters.us.pools.main.autoscaler.min to 2 or more",
    ),
    (
        "componentReplicas",
        1,
        Guardrail.COMPONENT_REPLICAS,
        "release karmada-release: there is one replica of apiServer, scheduler, webhook, controllerManager, "
        "aggregatedApiServer, kubeControllerManager, which goes with its node",
        "Set fleet:componentReplicas to 2 or more",
    ),
    (
        "componentReplicas",
        1,
        Guardrail.COMPONENT_REPLICAS,
        "release us-east-west-release: there is one replica of the gateway",
        "Set fleet:componentReplicas to 2 or more",
    ),
    (
        "mesh.istiodValues",
        {"autoscaleEnabled": False, "replicaCount": 1},
        Guardrail.COMPONENT_REPLICAS,
        "release us-istio-istiod: there is one replica of istiod",
        "no value over it to less",
    ),
    (
        "karmada.agent",
        {"replicas": 1},
        Guardrail.COMPONENT_REPLICAS,
        "deployment us-agent-deployment: there is one replica of the agent",
        "Set fleet:componentReplicas to 2 or more",
    ),
    (
        "workloads.hello.image",
        "docker.io/stefanprodan/podinfo",
        Guardrail.PINNED_VERSIONS,
        "image 'docker.io/stefanprodan/podinfo' has no tag, which means latest",
        "Set fleet:workloads.hello.image to an image with an exact tag",
    ),
    (
        "workloads.hello.perMember",
        {"us": {"image": "docker.io/stefanprodan/podinfo:latest"}},
        Guardrail.PINNED_VERSIONS,
        "image 'docker.io/stefanprodan/podinfo:latest' has the moving tag 'latest'",
        "Set fleet:workloads.hello.perMember.us.image to an image with an exact tag",
    ),
    (
        "karmada.values",
        {"scheduler": {"image": {"tag": "latest"}}},
        Guardrail.PINNED_VERSIONS,
        "release karmada-release: scheduler.image.tag is 'latest', which moves",
        "Set it in fleet:karmada.values",
    ),
    (
        "mesh.istiodValues",
        {"global": {"tag": "latest"}},
        Guardrail.PINNED_VERSIONS,
        "global.tag is 'latest', which moves",
        "Set it in fleet:mesh.istiodValues",
    ),
    (
        "ingress.values",
        {"additionalContainers": [{"image": "docker.io/a/b"}]},
        Guardrail.PINNED_VERSIONS,
        "additionalContainers[0].image is 'docker.io/a/b', which has no tag, which means latest",
        "Set it in fleet:ingress.values",
    ),
    (
        "karmada.values",
        {"etcd": {"internal": {"storageType": "hostPath"}}},
        Guardrail.ETCD_VOLUME,
        "release karmada-release: Karmada's etcd keeps its data in hostPath storage, which is lost with the node",
        "Take etcd.internal.storageType out of fleet:karmada.values",
    ),
    (
        "eastWest.values",
        {"service": {"ports": [{"name": "webhook", "port": 15017, "targetPort": 15017}]}},
        Guardrail.EAST_WEST_PORTS,
        "it publishes port 15017 to the internet",
        "Take service.ports out of fleet:eastWest.values; 15021 and 15443 are enough",
    ),
    (
        "eastWest.values",
        {"networkGateway": "network2"},
        Guardrail.EAST_WEST_PORTS,
        "networkGateway publishes istiod's ports 15012 and 15017 as well",
        "Take networkGateway out of fleet:eastWest.values",
    ),
    (
        "certs.karmada",
        {"renewBeforeDays": 3},
        Guardrail.CERTIFICATES,
        "it is renewed only 3 days before its end",
        "Set fleet:certs.karmada.renewBeforeDays to 7 or more",
    ),
    (
        "certs.mesh",
        {"renewBeforeDays": 6},
        Guardrail.CERTIFICATES,
        "it is renewed only 6 days before its end",
        "Set fleet:certs.mesh.renewBeforeDays to 7 or more",
    ),
    (
        "tags",
        {"owner": "platform"},
        Guardrail.TAGS,
        "cluster us: it carries no tag environment",
        "Set fleet:tags.environment",
    ),
    (
        "guardrails",
        {"monthlyLimit": 1000},
        Guardrail.MONTHLY_COST,
        "stack: it may cost $1,992.00 a month, and $1,000.00 is the limit",
        "Raise fleet:guardrails.monthlyLimit, or lower fleet:clusters.NAME.pools",
    ),
    ("guardrails", {}, Guardrail.MONTHLY_COST, "nothing limits what it may cost", "Set fleet:guardrails.monthlyLimit"),
]


@pytest.mark.parametrize(("key", "value", "guardrail", "what", "mend"), BROKEN)
def test_a_change_of_the_config_trips_its_guardrail_alone_which_names_the_key(
    key: str, value: Any, guardrail: Guardrail, what: str, mend: str
) -> None:
    config = changed(key, value, config_of("prod"))
    found = list(findings(planned_of(config, Stage.PREVIEW), stack_of(config), [Level.MANDATORY]))
    assert {tripped for tripped, _ in found} == {guardrail}
    messages = [str(finding) for _, finding in found]
    assert any(what in message and mend in message for message in messages), messages


@pytest.mark.parametrize(
    ("karmada", "what"),
    [
        (
            {"endpoint": "loadBalancer", "acl": {"ipv4": ["203.0.113.0/24", "0.0.0.0/0"]}},
            "service karmada-firewall-balancer: the NodeBalancer's ACL lets in 0.0.0.0/0, which is much of the "
            "internet",
        ),
        (
            {"endpoint": "node", "acl": {"ipv4": ["0.0.0.0/1"]}},
            "firewall karmada-firewall-nodes: it lets in 0.0.0.0/1 at node ports, which is much of the internet",
        ),
    ],
)
def test_an_acl_that_lets_in_much_of_the_internet_is_refused_once_the_members_nodes_are_known(
    karmada: dict[str, Any], what: str
) -> None:
    # One API server: by a node's address nobody reaches more of them.
    config = changed("componentReplicas", 1, changed("karmada", karmada, config_of("prod")))
    config["guardrails"]["levels"] = {"component-replicas": "disabled"}
    ((guardrail, finding),) = findings(planned_of(config, Stage.UPDATE), stack_of(config), [Level.MANDATORY])
    assert (guardrail, f"{finding.where}: {finding.what}") == (Guardrail.KARMADA_ACL, what)


def test_what_is_disabled_says_nothing() -> None:
    config = changed("tags", {}, config_of("prod"))
    config["guardrails"]["levels"] = {"tags": "disabled", "karmada-backup": "disabled"}
    assert list(findings(planned_of(config, Stage.PREVIEW), stack_of(config))) == []
