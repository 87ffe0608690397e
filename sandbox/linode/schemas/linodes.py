"""Linode instances: here always the machines of LKE nodes."""

from enum import StrEnum

from sandbox.linode.schemas.base import ApiObject


class InstanceStatus(StrEnum):
    """Whether a machine is up."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting_down"
    OFFLINE = "offline"


class Specs(ApiObject):
    """The plan's size; disk and memory in MiB, transfer in GB a month."""

    disk: int
    memory: int
    vcpus: int
    gpus: int
    transfer: int
    accelerated_devices: int


class Alerts(ApiObject):
    """Thresholds of alerts, at Linode's defaults."""

    cpu: int = 90
    network_in: int = 10
    network_out: int = 10
    transfer_quota: int = 80
    io: int = 10_000


class BackupSchedule(ApiObject):
    """When backups are made."""

    day: str | None = None
    window: str | None = None


class Backups(ApiObject):
    """LKE nodes have no backups."""

    enabled: bool = False
    available: bool = False
    schedule: BackupSchedule = BackupSchedule()
    last_successful: str | None = None


class Instance(ApiObject):
    """A Linode."""

    id: int
    label: str
    group: str = ""
    status: InstanceStatus
    created: str
    updated: str
    type: str
    ipv4: tuple[str, ...]
    ipv6: str | None = None
    image: str | None = None
    region: str
    site_type: str = "core"
    specs: Specs
    alerts: Alerts = Alerts()
    backups: Backups = Backups()
    hypervisor: str = "kvm"
    watchdog_enabled: bool = True
    tags: tuple[str, ...]
    host_uuid: str
    has_user_data: bool = True
    placement_group: None = None
    disk_encryption: str
    lke_cluster_id: int
    capabilities: tuple[str, ...] = ()
    interface_generation: str = "legacy_config"
    maintenance_policy: str = "linode/migrate"
    locks: tuple[str, ...] = ()
