"""Backups: snapshots of Karmada's etcd, encrypted on the manager to a key that is not there, in a bucket of their own.

docs/decisions/0169 says what the key to the bucket may do, and why; operations/karmada restores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_linode as linode
from pulumi import Input, Output, ResourceOptions

from fleet.certificates import Subject
from fleet.config import etcd
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.naming import BACKUP, KARMADA_NAMESPACE, backup_prefix, signing_region
from fleet.versions import AGE_IMAGE, KARMADA_ETCD

USER: Final = "fleet:backup"
"""Whom etcd lets in, as it does whoever has a certificate of Karmada's authority. Karmada's API gives it no right."""
ETCD: Final = f"https://etcd-client.{KARMADA_NAMESPACE}.svc:2379"
"""Where clients beside it reach it (charts/karmada/templates/etcd.yaml)."""
ETCD_IMAGE: Final = f"registry.k8s.io/etcd:{KARMADA_ETCD}"
CERTIFICATES: Final = ("ca.crt", "tls.crt", "tls.key")
S3_CONFIG: Final = "curl"
CREDENTIALS: Final = "/etc/backup"
WORK: Final = "/work"
SNAPSHOT: Final = f"{WORK}/snapshot.db"
WORK_SIZE: Final = "5Gi"
"""A snapshot and what it is encrypted to; etcd's own limit is 2 GiB (--quota-backend-bytes)."""
DEADLINE_SECONDS: Final = 1800
LATEST_SECONDS: Final = 6 * 3600
"""How much later than it was due one is made, where the manager was away."""
SCRIPT: Final = """
name=$(date -u +%Y%m%dT%H%M%SZ)
s3() { curl --config "$CONFIG" --silent --show-error --fail-with-body --retry 5 --connect-timeout 20 "$@"; }
age --recipient "$RECIPIENT" --output sealed snapshot.db
rm snapshot.db
s3 --header "x-amz-meta-keys: $KEYS" --upload-file sealed "$URL/$PREFIX$name.age"
echo "$name $(stat -c %s sealed)" > "$SAID"
s3 "$URL?list-type=2&prefix=${PREFIX//\\//%2F}" | grep -o '<Key>[^<]*[.]age' | cut -c 6- | sort -r |
tail -n +$((KEEP + 1)) | while read -r old; do s3 --request DELETE "$URL/$old"; done
""".strip()
"""What the last container runs, in its work folder. Names are times, so they sort by age; a page of S3's is 1000 keys,
the oldest first, so what is left over goes with the next run."""


@dataclass(frozen=True, kw_only=True)
class KarmadaBackupArgs:
    """The control plane, and what the config says of its backups."""

    control_plane: KarmadaControlPlane
    backup: etcd.Backup


class KarmadaBackup(pulumi.ComponentResource):
    """A bucket, a key to it alone, and a CronJob on the manager that fills it."""

    place: Output[dict[str, str]]
    """Where backups are, for who restores."""

    def __init__(self, name: str, args: KarmadaBackupArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Backup", name, {}, opts)
        child = ResourceOptions(parent=self)
        bucket = linode.ObjectStorageBucket(
            f"{name}-bucket",
            label=args.backup.bucket,
            region=args.backup.region,
            acl="private",
            cors_enabled=False,
            # Backups outlive their fleet; besides, Linode refuses to delete a bucket with something in it.
            opts=ResourceOptions(parent=self, retain_on_delete=True),
        )
        key = linode.ObjectStorageKey(
            f"{name}-key",
            label=f"fleet-backup {args.backup.bucket}"[:50],
            bucket_accesses=[
                linode.ObjectStorageKeyBucketAccessArgs(
                    bucket_name=bucket.label, region=bucket.region, permissions="read_write"
                )
            ],
            opts=child,
        )
        endpoint = Output.from_input(args.backup.endpoint or bucket.s3_endpoint.apply(lambda host: f"https://{host}"))
        identity = args.control_plane.pki.client(f"{name}-identity", Subject(common_name=USER), self)
        on_manager = ResourceOptions(parent=self, provider=args.control_plane.host)
        metadata = kubernetes.meta.v1.ObjectMetaArgs(name=BACKUP, namespace=args.control_plane.namespace)
        signing: Output[str] = Output.secret(
            Output.all(endpoint=endpoint, access_key=key.access_key, secret_key=key.secret_key).apply(
                lambda known: curl_config(**known)
            )
        )
        secret = kubernetes.core.v1.Secret(
            f"{name}-secret",
            metadata=metadata,
            string_data={
                "ca.crt": args.control_plane.pki.authority.certificate_pem,
                "tls.crt": identity.certificate_pem,
                "tls.key": identity.private_key_pem,
                S3_CONFIG: signing,
            },
            opts=on_manager,
        )
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=on_manager
        )
        prefix = backup_prefix(pulumi.get_stack())
        environment: dict[str, Input[str]] = {
            "CONFIG": f"{CREDENTIALS}/{S3_CONFIG}",
            "URL": Output.format("{0}/{1}", endpoint, bucket.label),
            "PREFIX": prefix,
            "RECIPIENT": args.backup.recipient,
            "KEEP": str(args.backup.keep),
            "KEYS": args.control_plane.encryption_keys.apply(",".join),
            "SAID": "/dev/termination-log",
        }
        kubernetes.batch.v1.CronJob(
            f"{name}-cron",
            metadata=metadata,
            spec=_cron_job(args.backup.schedule, _pod(secret, account, environment)),
            # The certificate is good for an etcd of this authority, which the release starts.
            opts=ResourceOptions.merge(on_manager, ResourceOptions(depends_on=[args.control_plane.provider])),
        )
        self.place = Output.all(bucket=bucket.label, region=bucket.region, endpoint=endpoint, prefix=prefix)
        self.register_outputs({"place": self.place})


def curl_config(*, endpoint: str, access_key: str, secret_key: str) -> str:
    """How curl signs its requests; in a file, since command lines can be read by others."""
    return f'user = "{access_key}:{secret_key}"\naws-sigv4 = "aws:amz:{signing_region(endpoint)}:s3"\n'


def _cron_job(schedule: str, pod: kubernetes.core.v1.PodSpecArgs) -> kubernetes.batch.v1.CronJobSpecArgs:
    return kubernetes.batch.v1.CronJobSpecArgs(
        schedule=schedule,
        time_zone="Etc/UTC",
        concurrency_policy="Forbid",
        starting_deadline_seconds=LATEST_SECONDS,
        successful_jobs_history_limit=1,
        failed_jobs_history_limit=1,
        job_template=kubernetes.batch.v1.JobTemplateSpecArgs(
            spec=kubernetes.batch.v1.JobSpecArgs(
                backoff_limit=2,
                active_deadline_seconds=DEADLINE_SECONDS,
                template=kubernetes.core.v1.PodTemplateSpecArgs(spec=pod),
            )
        ),
    )


def _pod(
    secret: kubernetes.core.v1.Secret,
    account: kubernetes.core.v1.ServiceAccount,
    environment: Mapping[str, Input[str]],
) -> kubernetes.core.v1.PodSpecArgs:
    """A snapshot is saved, checked, and sent; only who saves has the certificate, and only who sends has the key."""
    certificates = kubernetes.core.v1.VolumeMountArgs(name="certificates", mount_path=CREDENTIALS, read_only=True)
    bucket = kubernetes.core.v1.VolumeMountArgs(name="bucket", mount_path=CREDENTIALS, read_only=True)
    save = [
        "/usr/local/bin/etcdctl",
        f"--endpoints={ETCD}",
        *(f"--{flag}={CREDENTIALS}/{file}" for flag, file in zip(("cacert", "cert", "key"), CERTIFICATES, strict=True)),
        "snapshot",
        "save",
        SNAPSHOT,
    ]
    check = ["/usr/local/bin/etcdutl", "snapshot", "status", SNAPSHOT]
    send = ["bash", "-euo", "pipefail", "-c", SCRIPT]
    return kubernetes.core.v1.PodSpecArgs(
        restart_policy="Never",
        service_account_name=account.metadata.name,
        automount_service_account_token=False,
        security_context=kubernetes.core.v1.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=1000,
            run_as_group=1000,
            fs_group=1000,
            seccomp_profile=kubernetes.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        ),
        init_containers=[
            _container("save", ETCD_IMAGE, save, [certificates]),
            _container("check", ETCD_IMAGE, check, []),
        ],
        containers=[_container("send", str(AGE_IMAGE), send, [bucket], environment)],
        volumes=[
            kubernetes.core.v1.VolumeArgs(
                name="work", empty_dir=kubernetes.core.v1.EmptyDirVolumeSourceArgs(size_limit=WORK_SIZE)
            ),
            _part_of(secret, "certificates", CERTIFICATES),
            _part_of(secret, "bucket", (S3_CONFIG,)),
        ],
    )


def _part_of(secret: kubernetes.core.v1.Secret, name: str, keys: tuple[str, ...]) -> kubernetes.core.v1.VolumeArgs:
    return kubernetes.core.v1.VolumeArgs(
        name=name,
        secret=kubernetes.core.v1.SecretVolumeSourceArgs(
            secret_name=secret.metadata.name,
            default_mode=0o440,
            items=[kubernetes.core.v1.KeyToPathArgs(key=key, path=key) for key in keys],
        ),
    )


def _container(
    name: str,
    image: str,
    command: list[str],
    mounts: list[kubernetes.core.v1.VolumeMountArgs],
    environment: Mapping[str, Input[str]] | None = None,
) -> kubernetes.core.v1.ContainerArgs:
    return kubernetes.core.v1.ContainerArgs(
        name=name,
        image=image,
        image_pull_policy="IfNotPresent",
        command=command,
        working_dir=WORK,
        env=[kubernetes.core.v1.EnvVarArgs(name=key, value=value) for key, value in (environment or {}).items()],
        resources=kubernetes.core.v1.ResourceRequirementsArgs(
            requests={"cpu": "10m", "memory": "32Mi"}, limits={"memory": "256Mi"}
        ),
        security_context=kubernetes.core.v1.SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=kubernetes.core.v1.CapabilitiesArgs(drop=["ALL"]),
        ),
        volume_mounts=[kubernetes.core.v1.VolumeMountArgs(name="work", mount_path=WORK), *mounts],
    )
