"""What an account has of one check: by its tag, by the names that LKE gives, and by what was noted while it ran.

LKE itself makes NodeBalancers and volumes, with a token of its own and no tag of Fleet's. The cloud controller tags
with the cluster's name, `lkeID`; a volume is known by the Linode that it is attached to, as long as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import linode_tags
from operations.state.linode import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from linode_api4 import LinodeClient

TAG_KEY: Final = "check"
"""The key in fleet:tags."""
_PAGE: Final = 500
_MANAGER: Final = "https://cloud.linode.com"

Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What is known of one check's things: its tag, and identifiers from the time when its clusters lived."""

    tag: str
    clusters: frozenset[int] = frozenset()
    balancers: frozenset[int] = frozenset()
    volumes: frozenset[int] = frozenset()
    buckets: frozenset[str] = frozenset()
    """The labels of buckets that its stack made."""

    def marks(self, entry: Entry) -> bool:
        """Whether a thing has the check's tag, or that of one of its clusters, or its name in its label."""
        tags = {*linode_tags({TAG_KEY: self.tag}), *(f"lke{number}" for number in self.clusters)}
        return bool(tags & set(entry.get("tags") or ())) or self.tag in str(entry.get("label"))


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that Linode bills, or that opens something."""

    name: str
    path: str
    access: str
    """The part of the API that a token must be able to read, as Linode calls it."""
    remedy: Callable[[Entry], str]
    """What removes one of them."""
    known: Callable[[Entry, Noted], bool]
    """Whether one that has no mark belongs to a check."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One thing of a check that is there."""

    kind: str
    label: str
    remedy: str


def _deleted_by(command: str) -> Callable[[Entry], str]:
    return lambda entry: f"linode-cli {command} {entry['id']}"


CLUSTERS: Final = Kind(
    name="LKE cluster",
    path="/lke/clusters",
    access="Kubernetes",
    remedy=_deleted_by("lke cluster-delete"),
    known=lambda entry, noted: entry["id"] in noted.clusters,
)
LINODES: Final = Kind(
    name="Linode",
    path="/linode/instances",
    access="Linodes",
    remedy=_deleted_by("linodes delete"),
    known=lambda entry, noted: entry.get("lke_cluster_id") in noted.clusters,
)
BALANCERS: Final = Kind(
    name="NodeBalancer",
    path="/nodebalancers",
    access="NodeBalancers",
    remedy=_deleted_by("nodebalancers delete"),
    known=lambda entry, noted: entry["id"] in noted.balancers,
)
VOLUMES: Final = Kind(
    name="Volume",
    path="/volumes",
    access="Volumes",
    remedy=_deleted_by("volumes delete"),
    known=lambda entry, noted: entry["id"] in noted.volumes,
)
FIREWALLS: Final = Kind(
    name="Firewall",
    path="/networking/firewalls",
    access="Firewalls",
    remedy=_deleted_by("firewalls delete"),
    known=lambda _entry, _noted: False,
)
BUCKETS: Final = Kind(
    name="bucket",
    path="/object-storage/buckets",
    access="Object Storage",
    remedy=lambda entry: f"{_MANAGER}/object-storage/buckets/{entry.get('region')}/{entry['label']}",
    known=lambda entry, noted: entry["label"] in noted.buckets,
)
KEYS: Final = Kind(
    name="Object Storage key",
    path="/object-storage/keys",
    access="Object Storage",
    remedy=_deleted_by("object-storage keys-delete"),
    known=lambda entry, noted: any(grant["bucket_name"] in noted.buckets for grant in entry.get("bucket_access") or ()),
)
KINDS: Final = (CLUSTERS, LINODES, BALANCERS, VOLUMES, FIREWALLS, BUCKETS, KEYS)


def search(client: LinodeClient, noted: Noted) -> list[Leftover]:
    """Everything of a check that is in the account.

    Raises:
        OperationError: the token may not read all kinds, or the API does not answer.

    """
    return [
        Leftover(kind=kind.name, label=str(entry["label"]), remedy=kind.remedy(entry))
        for kind in KINDS
        for entry in _of(client, kind, noted)
    ]


def note(client: LinodeClient, noted: Noted) -> Noted:
    """The same, and what the check's clusters and their nodes have now. Raises OperationError as `search` does."""
    found = {entry["id"] for entry in _of(client, CLUSTERS, noted)}
    noted = replace(noted, clusters=noted.clusters | found)
    nodes = {entry["id"] for entry in _of(client, LINODES, noted)}
    attached = {entry["id"] for entry in _all(client, VOLUMES) if entry.get("linode_id") in nodes}
    balancers = {entry["id"] for entry in _of(client, BALANCERS, noted)}
    return replace(noted, balancers=noted.balancers | balancers, volumes=noted.volumes | attached)


def _of(client: LinodeClient, kind: Kind, noted: Noted) -> Iterator[Entry]:
    return (entry for entry in _all(client, kind) if noted.marks(entry) or kind.known(entry, noted))


def _all(client: LinodeClient, kind: Kind) -> list[Entry]:
    """Everything of a kind, as the API shows it: in the client each kind is a class, and here one table serves all."""
    listed: list[Entry] = []
    with explained(f"Cannot look for what a check left of kind {kind.name}", access=f"access to {kind.access}"):
        page = pages = 1
        while page <= pages:
            answer: Mapping[str, Any] = client.get(f"{kind.path}?page={page}&page_size={_PAGE}")
            listed += answer["data"]
            page, pages = page + 1, answer["pages"]
    return listed
