"""The resources that the emulator keeps, as it keeps them; schemas/ says how the API shows them."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Something kept under an id of its own; a changed record is a copy that replaces it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int


class TokenRecord(Record):
    """An API token: the digest of its secret, never the secret."""

    label: str
    scopes: str
    digest: str
    prefix: str
    """The secret's first 16 characters, which the API shows to tell tokens apart."""
    created: str
    expiry: str | None = None


class Part(BaseModel):
    """A piece of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Acl(Part):
    """Who may reach a cluster's API server; networks in CIDR notation."""

    enabled: bool = False
    revision: str = ""
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()


class ClusterRecord(Record):
    """An LKE cluster."""

    label: str
    region: str
    k8s_version: str
    tier: str
    tags: tuple[str, ...]
    high_availability: bool
    audit_logs: bool
    acl: Acl
    address: str
    """Of its API server."""
    created: str
    updated: str
    deleting: bool = False
    """Gone for the API's users; kept until the backend has removed what was made of it."""


class Autoscaler(Part):
    """Between how many nodes a pool may grow and shrink by itself."""

    enabled: bool
    min: int
    max: int


class PoolTaint(Part):
    """A taint of a pool's nodes."""

    key: str
    value: str | None
    effect: str


class Disk(Part):
    """An extra disk of a pool's nodes; size in MiB."""

    size: int
    type: str


class PoolRecord(Record):
    """A node pool; how many nodes it has is how many `NodeRecord` name it."""

    cluster_id: int
    type: str
    label: str
    autoscaler: Autoscaler
    labels: dict[str, str]
    taints: tuple[PoolTaint, ...]
    tags: tuple[str, ...]
    disks: tuple[Disk, ...]
    disk_encryption: str
    firewall_id: int | None


class NodeRecord(Record):
    """A node and the Linode behind it, whose id is the record's."""

    cluster_id: int
    pool_id: int
    node_id: str
    """The LKE node's id: the pool's id and a hash."""
    address: str
    k8s_version: str
    created: str
    recycling: bool = False
    """Waits for its turn to be replaced by a new node."""
    powered: bool = True
    """False once its user has shut it down."""

    @property
    def label(self) -> str:
        """The Linode's label, which is the Kubernetes node's name as well."""
        return f"lke{self.cluster_id}-{self.node_id}"


class LeaseRecord(Record):
    """An address that is taken, or was."""

    address: str
    cluster_id: int | None
    released: bool = False
    """Nobody holds it any more, but the backend may not have let go of it yet."""
    free: bool = False
    """Anybody may have it again; the longer it is free, the lower its id."""


class NodeBalancerRecord(Record):
    """A load balancer."""

    cluster_id: int | None
    """The LKE cluster whose cloud controller made it."""
    label: str
    region: str
    type: str
    address: str
    client_conn_throttle: int
    client_udp_sess_throttle: int
    tags: tuple[str, ...]
    created: str
    updated: str


class BalancerConfigRecord(Record):
    """One port of a load balancer; `settings` are the API's own fields, validated."""

    nodebalancer_id: int
    settings: dict[str, str | int | bool | None]


class BalancerNodeRecord(Record):
    """A backend behind one port of a load balancer."""

    nodebalancer_id: int
    config_id: int
    address: str
    label: str
    weight: int
    mode: str


class FirewallRule(Part):
    """What a firewall does with some packets; None is what nobody gave, which answers leave out."""

    action: str
    protocol: str
    label: str | None = None
    description: str | None = None
    ports: str | None = None
    ipv4: tuple[str, ...] | None = None
    """Networks in CIDR notation: where inbound packets come from, or outbound ones go."""
    ipv6: tuple[str, ...] | None = None


class FirewallRules(Part):
    """The rules of a firewall; the first that fits a packet decides, else the policy."""

    inbound: tuple[FirewallRule, ...] | None
    inbound_policy: str
    outbound: tuple[FirewallRule, ...] | None
    outbound_policy: str


class FirewallRecord(Record):
    """A Cloud Firewall."""

    label: str
    status: str
    rules: FirewallRules
    version: int
    """How often the rules changed, from 1."""
    tags: tuple[str, ...]
    created: str
    updated: str


class FirewallDeviceRecord(Record):
    """A Linode or load balancer that a firewall is assigned to."""

    firewall_id: int
    entity_type: str
    """"linode" or "nodebalancer"."""
    entity_id: int
    created: str
    updated: str


class VolumeRecord(Record):
    """A block storage volume; size in GB."""

    label: str
    region: str
    size: int
    linode_id: int | None
    tags: tuple[str, ...]
    encryption: str
    created: str
    updated: str


class BucketRecord(Record):
    """An Object Storage bucket; its region and label together are its name."""

    label: str
    region: str
    s3_endpoint: str
    created: str


class BucketGrant(Part):
    """What a limited key may do in one bucket."""

    bucket_name: str
    permissions: str
    region: str
    cluster: str


class StorageKeyRecord(Record):
    """An Object Storage key, never its secret."""

    label: str
    access_key: str
    bucket_access: tuple[BucketGrant, ...] | None
    """None for a key to everything."""
    regions: tuple[str, ...]


class Entity(Part):
    """What an event is about."""

    id: int | str
    type: str
    label: str
    url: str


class EventRecord(Record):
    """Something that happened in the account."""

    action: str
    created: str
    entity: Entity | None
    secondary: Entity | None = None
    """The other one that it is about: the device of a firewall."""
    seen: bool = False
