"""What one entry becomes in Karmada's API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random
from pulumi import Input, Output, ResourceOptions

from fleet.config.workloads import Workload
from fleet.karmada import replicas
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.workloads import former, objects

_REVISION_LENGTH: Final = 8


@dataclass(frozen=True, kw_only=True)
class SubmissionArgs:
    """What is submitted, where, and what must be there before the first pod starts."""

    control_plane: KarmadaControlPlane
    workload: str
    entry: Workload
    namespace: Input[str]
    depends_on: Sequence[pulumi.Resource]


class Submission(pulumi.ComponentResource):
    """A workload in Karmada's API; it is done when all its replicas are ready somewhere in the fleet."""

    def __init__(self, name: str, args: SubmissionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Submission", name, {}, opts)
        self._args = args
        self._child = ResourceOptions(parent=self, provider=args.control_plane.provider)
        workload, entry, namespace = args.workload, args.entry, args.namespace
        read: list[pulumi.Resource] = []
        if entry.files:
            files = objects.config_map(workload, entry, namespace)
            read.append(kubernetes.core.v1.ConfigMap(f"{name}.files", **files, opts=self._child))
        if entry.secret_env:
            secret = objects.secret(workload, entry, namespace)
            read.append(kubernetes.core.v1.Secret(f"{name}.secret", **secret, opts=self._child))
        self._deployment(f"{name}.deployment", read)
        if entry.ports:
            kubernetes.core.v1.Service(
                f"{name}.service",
                **objects.service(workload, entry, namespace),
                opts=ResourceOptions.merge(self._child, ResourceOptions(aliases=[former.service(workload)])),
            )
        if entry.disruption:
            budget = objects.disruption_budget(workload, entry, namespace)
            kubernetes.policy.v1.PodDisruptionBudget(f"{name}.budget", **budget, opts=self._child)
        self.register_outputs({})

    def _deployment(self, name: str, read: Sequence[pulumi.Resource]) -> None:
        args = self._args
        wait = replicas.ReplicasWait(f"{name}-ready", args.workload, args.entry.namespace)
        secrets_of = self._revision(f"{name}.secret-revision") if args.entry.secret_env else None
        made = kubernetes.apps.v1.Deployment(
            name,
            **objects.deployment(args.workload, args.entry, args.namespace, secrets_of),
            opts=ResourceOptions.merge(
                self._child,
                ResourceOptions(
                    # A pod that starts before its member injects sidecars stays outside the mesh.
                    depends_on=[*args.depends_on, *read],
                    hooks=wait.hooks,
                    aliases=[former.deployment(args.workload)],
                ),
            ),
        )
        wait.begin(made, args.control_plane.program_kubeconfig)

    def _revision(self, name: str) -> Output[str]:
        """Another text once a secret is another: a digest of the secret itself would let anybody try guesses."""
        revision = random.RandomString(
            name,
            length=_REVISION_LENGTH,
            special=False,
            keepers=Output.secret(objects.secret_values(self._args.entry.secret_env)),
            opts=ResourceOptions(parent=self, additional_secret_outputs=["keepers"]),
        )
        # What decides when it changes is secret, and it is not.
        return Output.unsecret(revision.result)
