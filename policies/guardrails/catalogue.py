"""Each guardrail: what must hold, why, how strictly on which kind of stack, what mends it, and the rules that look.

docs/guardrails.md shows this table. Strictness is the profile's (`fleet:guardrails.profile`), unless the stack says
otherwise (`fleet:guardrails.levels`). What a development stack does without by design is disabled there, since advice
that nobody will take hides the advice that somebody should.
"""

from __future__ import annotations

from typing import Final

from fleet.config.enforcement import Guardrail, Level
from policies.guardrails.model import Definition
from policies.guardrails.rules import (
    certificates,
    changes,
    clusters,
    cost,
    credentials,
    firewalls,
    karmada,
    mesh,
    replicas,
    versions,
)

DEFINITIONS: Final = (
    Definition(
        guardrail=Guardrail.CONTROL_PLANE_AVAILABILITY,
        holds="Control planes are highly available",
        why="A single control plane takes deployments, scaling and failover down with it.",
        keys=("fleet:clusters.NAME.highAvailability",),
        production=Level.MANDATORY,
        development=Level.DISABLED,
        early=(clusters.control_plane_is_highly_available,),
    ),
    Definition(
        guardrail=Guardrail.CONTROL_PLANE_ACL,
        holds="Control planes have an ACL, and it is not open to the world",
        why="With an open control plane, one leaked credential is enough, from anywhere.",
        keys=("fleet:clusters.NAME.acl",),
        production=Level.MANDATORY,
        development=Level.ADVISORY,
        early=(clusters.control_plane_has_an_acl,),
    ),
    Definition(
        guardrail=Guardrail.KARMADA_ACL,
        holds="Karmada's API lets in chosen networks and the members' nodes, at its address and at every node",
        why="Whoever holds a credential of Karmada holds every region, and each of its faults is open to everybody.",
        keys=("fleet:karmada.acl",),
        production=Level.MANDATORY,
        development=Level.ADVISORY,
        early=(firewalls.no_firewall_before_karmada_is_wide,),
        late=(firewalls.karmada_is_behind_firewalls,),
    ),
    Definition(
        guardrail=Guardrail.NODE_LOSS,
        holds="Every pool has a node left when it loses one",
        why="Nodes fail, and every Kubernetes upgrade recycles them.",
        keys=("fleet:clusters.NAME.pools.NAME.count", "fleet:clusters.NAME.pools.NAME.autoscaler.min"),
        production=Level.MANDATORY,
        development=Level.DISABLED,
        early=(clusters.pools_survive_a_node,),
    ),
    Definition(
        guardrail=Guardrail.COMPONENT_REPLICAS,
        holds="What keeps no data of Karmada and the mesh has a replica left when a node is lost",
        why="Kubernetes gives up a lost node's pods only after five minutes.",
        keys=("fleet:componentReplicas",),
        production=Level.MANDATORY,
        development=Level.DISABLED,
        early=(replicas.components_outlast_a_node,),
    ),
    Definition(
        guardrail=Guardrail.PINNED_VERSIONS,
        holds="Charts have one exact version, and no image is `latest` or has no tag",
        why="What moves by itself differs between regions, and after the next restart from what was reviewed.",
        keys=(
            "fleet:versions",
            "fleet:karmada.values",
            "fleet:mesh.istiodValues",
            "fleet:eastWest.values",
            "fleet:ingress.values",
            "fleet:workloads.NAME.image",
        ),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(versions.versions_are_pinned,),
    ),
    Definition(
        guardrail=Guardrail.ETCD_VOLUME,
        holds="Karmada's etcd is on a persistent volume",
        why="Everything that was submitted to Karmada is in there, and nowhere else.",
        keys=("fleet:karmada.values", "fleet:karmada.etcd"),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(karmada.etcd_is_on_a_volume,),
    ),
    Definition(
        guardrail=Guardrail.KARMADA_BACKUP,
        holds="Karmada's etcd is backed up",
        why="A volume that is lost, or a mistake, takes all that users have submitted with it.",
        keys=("fleet:karmada.backup",),
        production=Level.ADVISORY,
        development=Level.DISABLED,
        late=(karmada.etcd_is_backed_up,),
    ),
    Definition(
        guardrail=Guardrail.REMOTE_SECRETS,
        holds="A remote secret lets its reader look at endpoints, and do nothing else",
        why="Whoever breaks into one member must not own the others.",
        keys=("fleet:mesh.remoteTokenGeneration",),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(credentials.remote_secret_holds_a_reader,),
        late=(credentials.remote_secret_comes_from_a_token, credentials.remote_secret_only_reads_endpoints),
    ),
    Definition(
        guardrail=Guardrail.MUTUAL_TLS,
        holds="Mutual TLS is STRICT in every member",
        why="Plain text between regions can be read, and its sender can be anybody.",
        keys=("fleet:guardrails.levels.mutual-tls",),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(mesh.mutual_tls_is_strict,),
        late=(mesh.every_member_is_strict,),
    ),
    Definition(
        guardrail=Guardrail.EAST_WEST_PORTS,
        holds="East-west gateways publish 15021 and 15443, and nothing else",
        why="Their address is public: any other port shows istiod, its webhooks or a workload to the internet.",
        keys=("fleet:eastWest.values",),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(mesh.east_west_gateway_publishes_two_ports,),
    ),
    Definition(
        guardrail=Guardrail.CERTIFICATES,
        holds="Certificates end before their issuer, and are renewed at least a week before their end",
        why="A chain breaks with its first link to end, and no update renews what has ended on a Sunday.",
        keys=("fleet:certs.karmada", "fleet:certs.mesh"),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(certificates.certificate_is_renewed_in_time,),
        late=(certificates.certificate_ends_before_its_issuer,),
    ),
    Definition(
        guardrail=Guardrail.TAGS,
        holds="Clusters carry the tags owner and environment",
        why="A bill or an alert that belongs to nobody is looked at by nobody.",
        keys=("fleet:tags.owner", "fleet:tags.environment"),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        early=(clusters.cluster_has_tags,),
    ),
    Definition(
        guardrail=Guardrail.ACKNOWLEDGED,
        holds="A cluster that goes, is made anew, or loses all nodes of a pool is acknowledged",
        why="Its nodes, volumes and addresses do not come back.",
        keys=("fleet:acknowledged",),
        production=Level.MANDATORY,
        development=Level.ADVISORY,
        early=(changes.losses_are_acknowledged,),
    ),
    Definition(
        guardrail=Guardrail.MONTHLY_COST,
        holds="The stack costs no more than its monthly limit, with every autoscaler at its maximum",
        why="A typo in a pool is a bill at the end of the month.",
        keys=("fleet:guardrails.monthlyLimit",),
        production=Level.MANDATORY,
        development=Level.MANDATORY,
        late=(cost.cost_is_within_the_limit,),
    ),
)
