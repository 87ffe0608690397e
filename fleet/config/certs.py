"""How long certificates last, and which roots the mesh has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fleet.config.fields import Days, DnsLabel, Model
from fleet.naming import DEFAULT_ROOT


class KarmadaCerts(Model):
    """Lifetimes of Karmada's certificates, in days."""

    ca_days: Days = 3650
    leaf_days: Days = 365
    renew_before_days: Days = 30


class MeshCerts(Model):
    """The mesh's roots by name, and lifetimes of its authorities in days.

    Every workload trusts all roots, and one of them signs. docs/decisions/0110 has the steps of a rotation, 0002 says
    why intermediates are shorter.
    """

    roots: Annotated[tuple[DnsLabel, ...], Field(min_length=1)] = (DEFAULT_ROOT,)
    signing: DnsLabel | None = None
    root_days: Days = 3650
    intermediate_days: Days = 730
    renew_before_days: Days = 90

    @property
    def signing_root(self) -> str:
        """The name of the root that signs every member's intermediate: the first, unless one is named."""
        return self.signing or self.roots[0]


class Certs(Model):
    """Lifetimes and renewal of everything that Fleet signs."""

    karmada: KarmadaCerts = KarmadaCerts()
    mesh: MeshCerts = MeshCerts()
