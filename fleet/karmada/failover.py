"""Failover: what may move leaves a member that is lost, and goes back once the member has returned.

Karmada's own way is a taint on the member, which evicts whatever does not tolerate it, and nothing brings it back. A
CronJob beside the control plane evicts by binding instead (docs/decisions/0140); failover.jq is its rule.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from fleet.certificates import Subject
from fleet.config import settings
from fleet.karmada.control_plane import API_SERVER_PORT, KarmadaControlPlane
from fleet.karmada.pki import kubeconfig
from fleet.lke.kubeconfig import ApiServer
from fleet.naming import FAILOVER, KARMADA_NAMESPACE
from fleet.rights import Grant, grant, rule, user
from fleet.versions import KUBECTL_IMAGE

USER: Final = "fleet:failover"
"""Its evictions name it as their producer, too (failover.jq)."""
EVERY_MINUTE: Final = "* * * * *"
MOUNT: Final = "/etc/failover"
RULE: Final = Path(__file__).with_name("failover.jq")
MEMBERS: Final = "/apis/cluster.karmada.io/v1alpha1/clusters"
SERVICE: Final = f"https://karmada-apiserver.{KARMADA_NAMESPACE}.svc:{API_SERVER_PORT}"
"""The API server as pods beside it reach it (charts/karmada/templates/karmada-apiserver.yaml)."""


@dataclass(frozen=True, kw_only=True)
class KarmadaFailoverArgs:
    """The control plane, and how long the job waits."""

    control_plane: KarmadaControlPlane
    failover: settings.Failover


class KarmadaFailover(pulumi.ComponentResource):
    """A CronJob on the manager that evicts from lost members, and puts back what it evicted when they return."""

    def __init__(self, name: str, args: KarmadaFailoverArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Failover", name, {}, opts)
        control_plane = args.control_plane
        allowed = _allow(name, ResourceOptions(parent=self, provider=control_plane.provider))
        identity = control_plane.pki.client(f"{name}-identity", Subject(common_name=USER), self)
        server = control_plane.pki.authority.certificate_pem.apply(lambda ca_pem: ApiServer(url=SERVICE, ca_pem=ca_pem))
        on_manager = ResourceOptions(parent=self, provider=control_plane.host)
        secret = kubernetes.core.v1.Secret(
            f"{name}-secret",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=FAILOVER, namespace=control_plane.namespace),
            string_data={"kubeconfig": kubeconfig(server, identity)},
            opts=on_manager,
        )
        _cron_job(
            name,
            secret,
            command(args.failover),
            # Its first runs would be refused.
            ResourceOptions.merge(on_manager, ResourceOptions(depends_on=[allowed])),
        )
        self.register_outputs({})


def command(failover: settings.Failover) -> str:
    """What the job runs: it reads the members, then what the rule wants to see, and makes the rule's patches.

    A patch that comes too late is refused by the resource version in it, and the rule is asked again a minute later.
    """
    arguments = f"({failover.toleration_seconds}; {str(failover.come_home).lower()})"
    return (
        f"members=$(kubectl get --raw {MEMBERS})"
        f' && {{ echo "$members"; jq --raw-output "$RULE paths{arguments}" <<<"$members"'
        ' | while read -r path; do kubectl get --raw "$path"; done; }'
        f' | jq --raw-output --slurp "$RULE patches{arguments}"'
        " | while read -r namespace name subresource patch; do"
        ' kubectl patch resourcebindings.work.karmada.io "$name" --namespace="$namespace" "$subresource"'
        ' --type=json --patch="$patch"; done'
    )


def _allow(name: str, opts: ResourceOptions) -> pulumi.Resource:
    rules = [
        rule("cluster.karmada.io", ["clusters"], ["list"]),
        rule("work.karmada.io", ["resourcebindings"], ["list", "get", "patch"]),
        # Of groups of members the scheduler notes there which one it has come to.
        rule("work.karmada.io", ["resourcebindings/status"], ["get", "patch"]),
        # What holds data stays, and only a Deployment itself says whether its pods mount a claim.
        rule("apps", ["deployments"], ["list"]),
    ]
    why = "what may move leaves a lost member, and comes home when it has returned"
    return grant(name, Grant(role=USER, why=why, rules=rules, subject=user(USER)), opts)


def _pod(line: str, secret: kubernetes.core.v1.Secret) -> kubernetes.core.v1.PodSpecArgs:
    environment = {
        "KUBECONFIG": f"{MOUNT}/kubeconfig",
        # kubectl keeps what it learns of an API server at home.
        "HOME": "/tmp",  # noqa: S108 - the pod's own
        "RULE": RULE.read_text(),
    }
    return kubernetes.core.v1.PodSpecArgs(
        restart_policy="Never",
        automount_service_account_token=False,
        containers=[
            kubernetes.core.v1.ContainerArgs(
                name="failover",
                image=str(KUBECTL_IMAGE),
                image_pull_policy="IfNotPresent",
                command=["bash", "-o", "pipefail", "-c", line],
                env=[kubernetes.core.v1.EnvVarArgs(name=name, value=value) for name, value in environment.items()],
                resources=kubernetes.core.v1.ResourceRequirementsArgs(requests={"cpu": "10m", "memory": "32Mi"}),
                security_context=kubernetes.core.v1.SecurityContextArgs(
                    allow_privilege_escalation=False,
                    run_as_non_root=True,
                    run_as_user=1000,
                    capabilities=kubernetes.core.v1.CapabilitiesArgs(drop=["ALL"]),
                    seccomp_profile=kubernetes.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
                ),
                volume_mounts=[kubernetes.core.v1.VolumeMountArgs(name="failover", mount_path=MOUNT, read_only=True)],
            )
        ],
        volumes=[
            kubernetes.core.v1.VolumeArgs(
                name="failover",
                secret=kubernetes.core.v1.SecretVolumeSourceArgs(secret_name=secret.metadata.name),
            )
        ],
    )


def _cron_job(name: str, secret: kubernetes.core.v1.Secret, line: str, opts: ResourceOptions) -> None:
    kubernetes.batch.v1.CronJob(
        f"{name}-cron",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=FAILOVER, namespace=secret.metadata.namespace),
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
                    template=kubernetes.core.v1.PodTemplateSpecArgs(spec=_pod(line, secret)),
                )
            ),
        ),
        opts=opts,
    )
