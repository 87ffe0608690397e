"""Replicas come home: the way back that Karmada leaves to its users.

Karmada moves replicas out of a lost member by itself. When the member is back it places nothing anew, unless a
WorkloadRebalancer asks for that (pkg/scheduler/scheduler.go, doScheduleBinding). A CronJob beside the control plane
asks, once for each return.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from fleet.certificates import Subject
from fleet.karmada.control_plane import API_SERVER_PORT, KarmadaControlPlane
from fleet.karmada.pki import kubeconfig
from fleet.kubeconfig import ApiServer
from fleet.naming import KARMADA_NAMESPACE
from fleet.rights import Grant, grant, rule, user
from fleet.versions import KUBECTL_IMAGE

USER: Final = "fleet:homecoming"
EVERY_MINUTE: Final = "* * * * *"
MOUNT: Final = "/etc/homecoming"
COMMAND: Final = (
    f"kubectl --kubeconfig={MOUNT}/kubeconfig get clusters.cluster.karmada.io"
    f" --output=go-template-file={MOUNT}/rebalancers"
    f" | kubectl --kubeconfig={MOUNT}/kubeconfig apply --filename=-"
)
SERVICE: Final = f"https://karmada-apiserver.{KARMADA_NAMESPACE}.svc:{API_SERVER_PORT}"
"""The API server as pods beside it reach it (charts/karmada/templates/karmada-apiserver.yaml)."""


@dataclass(frozen=True, kw_only=True)
class KarmadaHomecomingArgs:
    """The control plane, and the workloads that come home: apiVersion, kind and name of each, and their namespace."""

    control_plane: KarmadaControlPlane
    workloads: Sequence[Mapping[str, str]]
    namespace: str


class KarmadaHomecoming(pulumi.ComponentResource):
    """A CronJob on the manager that has workloads placed anew whenever a member has returned."""

    def __init__(self, name: str, args: KarmadaHomecomingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Homecoming", name, {}, opts)
        control_plane = args.control_plane
        _allow(name, ResourceOptions(parent=self, provider=control_plane.provider))
        identity = control_plane.pki.client(f"{name}-identity", Subject(common_name=USER), self)
        server = control_plane.pki.authority.certificate_pem.apply(lambda ca_pem: ApiServer(url=SERVICE, ca_pem=ca_pem))
        on_manager = ResourceOptions(parent=self, provider=control_plane.host)
        secret = kubernetes.core.v1.Secret(
            f"{name}-secret",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=name, namespace=control_plane.namespace),
            string_data={
                "kubeconfig": kubeconfig(server, identity),
                "rebalancers": rebalancers(args.workloads, args.namespace),
            },
            opts=on_manager,
        )
        _cron_job(name, secret, on_manager)
        self.register_outputs({})


def rebalancers(workloads: Sequence[Mapping[str, str]], namespace: str) -> str:
    """A Go template that makes a WorkloadRebalancer for each member that is well, out of the list of Clusters.

    A member that is lost and returns has another generation, since taints are part of its spec: its rebalancer has
    another name then, and Karmada acts on it. To apply one that is there already changes nothing. One that was removed
    and joined again begins its generations anew, with another uid.
    """
    targets = json.dumps([{**workload, "namespace": namespace} for workload in workloads])
    return (
        "{{range .items}}{{if not .spec.taints}}---\n"
        "apiVersion: apps.karmada.io/v1alpha1\n"
        "kind: WorkloadRebalancer\n"
        'metadata: {name: "{{.metadata.name}}-{{.metadata.uid}}-{{.metadata.generation}}"}\n'
        f"spec: {{workloads: {targets}}}\n"
        "{{end}}{{end}}"
    )


def _allow(name: str, opts: ResourceOptions) -> None:
    rules = [
        rule("cluster.karmada.io", ["clusters"], ["list"]),
        rule("apps.karmada.io", ["workloadrebalancers"], ["get", "create", "patch"]),
    ]
    why = "replicas come home when a member has returned"
    grant(name, Grant(role=USER, why=why, rules=rules, subject=user(USER)), opts)


def _pod(secret: kubernetes.core.v1.Secret) -> kubernetes.core.v1.PodSpecArgs:
    return kubernetes.core.v1.PodSpecArgs(
        restart_policy="Never",
        automount_service_account_token=False,
        containers=[
            kubernetes.core.v1.ContainerArgs(
                name="homecoming",
                image="{}/{}:{}".format(*KUBECTL_IMAGE),
                image_pull_policy="IfNotPresent",
                command=["bash", "-o", "pipefail", "-c", COMMAND],
                # kubectl keeps what it learns of an API server at home.
                env=[kubernetes.core.v1.EnvVarArgs(name="HOME", value="/tmp")],  # noqa: S108 - the pod's own
                resources=kubernetes.core.v1.ResourceRequirementsArgs(requests={"cpu": "10m", "memory": "32Mi"}),
                security_context=kubernetes.core.v1.SecurityContextArgs(
                    allow_privilege_escalation=False,
                    run_as_non_root=True,
                    run_as_user=1000,
                    capabilities=kubernetes.core.v1.CapabilitiesArgs(drop=["ALL"]),
                    seccomp_profile=kubernetes.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
                ),
                volume_mounts=[kubernetes.core.v1.VolumeMountArgs(name="homecoming", mount_path=MOUNT, read_only=True)],
            )
        ],
        volumes=[
            kubernetes.core.v1.VolumeArgs(
                name="homecoming",
                secret=kubernetes.core.v1.SecretVolumeSourceArgs(secret_name=secret.metadata.name),
            )
        ],
    )


def _cron_job(name: str, secret: kubernetes.core.v1.Secret, opts: ResourceOptions) -> None:
    kubernetes.batch.v1.CronJob(
        f"{name}-cron",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=name, namespace=secret.metadata.namespace),
        spec=kubernetes.batch.v1.CronJobSpecArgs(
            schedule=EVERY_MINUTE,
            concurrency_policy="Forbid",
            starting_deadline_seconds=60,
            successful_jobs_history_limit=1,
            failed_jobs_history_limit=1,
            job_template=kubernetes.batch.v1.JobTemplateSpecArgs(
                spec=kubernetes.batch.v1.JobSpecArgs(
                    backoff_limit=0,
                    active_deadline_seconds=50,
                    template=kubernetes.core.v1.PodTemplateSpecArgs(spec=_pod(secret)),
                )
            ),
        ),
        opts=opts,
    )
