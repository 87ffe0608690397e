"""Who uses Karmada's API besides its own components and agents: the program, operators and viewers.

A client certificate cannot be called back: its user is who it says until it ends. What can be taken is what a user may
do, so operators and viewers have names that are used once, and a binding names one of each (docs/decisions/0136).
"""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random
from pulumi import Output, ResourceOptions

from fleet.certificates import Certificate, Subject
from fleet.karmada.pki import KarmadaPki, kubeconfig
from fleet.lke import viewers
from fleet.lke.kubeconfig import ApiServer
from fleet.naming import KARMADA
from fleet.rights import Grant, grant, grant_existing, user

PROGRAM: Final = Subject(common_name="fleet:program", organization="system:masters")
"""Who the program's own provider is. It makes the first binding, so that none can give it the right to."""
OPERATOR: Final = "fleet:operator"
VIEWER: Final = "fleet:viewer"
EVERYTHING: Final = "cluster-admin"
"""Kubernetes' own role (RBAC, "User-facing roles"), which every API server makes when it starts."""
UNIQUE_LENGTH: Final = 6


@dataclass(frozen=True, kw_only=True)
class _User:
    """Somebody with a client certificate."""

    name: Output[str]
    certificate: Certificate


@dataclass(frozen=True, kw_only=True)
class KarmadaUsersArgs:
    """Karmada's API, who signs for it, and the generations of those who are let in."""

    pki: KarmadaPki
    server: Output[ApiServer]
    provider: kubernetes.Provider
    operator_generation: int
    viewer_generation: int


class KarmadaUsers(pulumi.ComponentResource):
    """Operators, who may do everything, and viewers, who read what holds no secret."""

    operator: Output[str]
    """An operator's kubeconfig; secret, and known only once its user is bound."""
    viewer: Output[str]
    """A viewer's kubeconfig; secret, and known only once its user is bound."""

    def __init__(self, name: str, args: KarmadaUsersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Users", name, {}, opts)
        self._args = args
        in_karmada = ResourceOptions(parent=self, provider=args.provider)
        operator = self._user(f"{name}-operator", OPERATOR, args.operator_generation)
        viewer = self._user(f"{name}-viewer", VIEWER, args.viewer_generation)
        # One object each, whose subject changes in its place: somebody is bound at every moment, and a snapshot of etcd
        # that has an earlier user in it is put right by the next update (docs/backup.md).
        everything = grant_existing(
            f"{name}-operator",
            EVERYTHING,
            "operators do in Karmada what nobody else may",
            user(operator.name),
            OPERATOR,
            in_karmada,
        )
        reads = grant(
            f"{name}-viewer",
            Grant(
                role=VIEWER,
                why="whoever only looks sees members, placement and workloads, and neither Secrets nor Works",
                rules=viewers.rules(viewers.WORKLOADS, viewers.FEDERATION),
                subject=user(viewer.name),
            ),
            in_karmada,
        )
        self.operator = self._kubeconfig(operator, everything, KARMADA)
        self.viewer = self._kubeconfig(viewer, reads, f"{KARMADA}-viewer")
        self.register_outputs({})

    def _user(self, name: str, who: str, generation: int) -> _User:
        own = f"{name}-{generation}"
        unique = random.RandomString(
            f"{own}-user", length=UNIQUE_LENGTH, upper=False, special=False, opts=ResourceOptions(parent=self)
        )
        # A generation that comes again, since somebody went back, is not the user of certificates that it once had.
        called = Output.format("{0}:{1}:{2}", who, generation, unique.result)
        # With the key of the generation before, who was shut out would need no more than the new certificate, which is
        # no secret.
        return _User(name=called, certificate=self._args.pki.client(own, Subject(common_name=called), self))

    def _kubeconfig(self, user: _User, binding: pulumi.Resource, called: str) -> Output[str]:
        bound = Output.all(self._args.server, binding.urn).apply(lambda known: known[0])
        return kubeconfig(bound, user.certificate, called)
