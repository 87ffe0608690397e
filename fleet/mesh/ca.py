"""The mesh's authorities: one root for all members, one intermediate for each.

There are further roots while one follows another (docs/decisions/0110). While a member is expelled, the others trust
each other's intermediates in the place of roots (docs/decisions/0139). Key sizes, usages and path lengths are those of
Istio's tools/certs; lifetimes are config, and an intermediate always ends before the root (docs/decisions/0002).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi import Output, ResourceOptions

from fleet.certificates import (
    CA_USES,
    Certificate,
    Lifetime,
    Request,
    RsaKey,
    Subject,
    intermediate_authority,
    root_authority,
)
from fleet.config.certs import MeshCerts
from fleet.naming import DEFAULT_ROOT

KEY: Final = RsaKey(bits=4096)
ORGANIZATION: Final = "Istio"
ISTIOD_NAME: Final = "istiod.istio-system.svc"


@dataclass(frozen=True, kw_only=True)
class RootAuthorityArgs:
    """Which roots there are, which one signs, and how long authorities live."""

    certs: MeshCerts


class RootAuthority(pulumi.ComponentResource):
    """The roots that every member's workloads trust, one of which signs."""

    signing: Certificate
    trusted_pem: Output[str]
    """All roots, PEM. The one that signs comes first: sidecars ask for a new certificate when this text changes."""
    pems: Output[dict[str, str]]
    """Each root by its name, PEM."""
    certs: MeshCerts

    def __init__(self, name: str, args: RootAuthorityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:RootAuthority", name, {}, opts)
        self.certs = args.certs
        lifetime = Lifetime(
            days=args.certs.root_days,
            # Renewed while a whole intermediate still fits into it.
            renew_before_days=args.certs.intermediate_days + args.certs.renew_before_days,
        )
        roots = {
            root: root_authority(
                f"{name}-{root}",
                Subject(common_name=common_name(root), organization=ORGANIZATION),
                lifetime,
                KEY,
                self,
            )
            for root in args.certs.roots
        }
        self.pems = Output.all(**{root: made.certificate_pem for root, made in roots.items()})
        self.signing = roots.pop(args.certs.signing_root)
        self.trusted_pem = Output.all(
            self.signing.certificate_pem, *(root.certificate_pem for root in roots.values())
        ).apply(bundle)
        self.register_outputs({"trusted": self.trusted_pem})


def common_name(root: str) -> str:
    """A root's subject: that of Istio's tooling, and one of its own for every further root."""
    return "Root CA" if root == DEFAULT_ROOT else f"Root CA {root}"


def bundle(certificates: Sequence[str]) -> str:
    """Several PEM certificates in one text."""
    return "".join(f"{pem.rstrip()}\n" for pem in certificates)


def trusted_among(roots: Mapping[str, str], bundles: Collection[str]) -> list[str]:
    """Those of several roots, PEM by name, that stand in every one of some bundles; none where there is no bundle."""
    return [name for name, pem in roots.items() if bundles and all(pem.strip() in held for held in bundles)]


@dataclass(frozen=True, kw_only=True)
class MemberAuthorityArgs:
    """Whose authority, what signs it, and what its workloads trust, PEM."""

    member: str
    root: RootAuthority
    trusted_pem: Output[str]


class MemberAuthority(pulumi.ComponentResource):
    """One member's intermediate, which its istiod signs workload certificates with."""

    certificate_pem: Output[str]
    secret_data: Output[dict[str, str]]
    """What the secret ``cacerts`` holds (Istio, "Plug in CA Certificates"): PEM by file name; secret."""

    def __init__(self, name: str, args: MemberAuthorityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:MemberAuthority", name, {}, opts)
        certs = args.root.certs
        intermediate = intermediate_authority(
            f"{name}-intermediate",
            Request(
                subject=Subject(common_name="Intermediate CA", organization=ORGANIZATION, locality=args.member),
                lifetime=Lifetime(days=certs.intermediate_days, renew_before_days=certs.renew_before_days),
                key=KEY,
                uses=CA_USES,
                hosts=[ISTIOD_NAME],
            ),
            args.root.signing,
            self,
        )
        self.certificate_pem = intermediate.certificate_pem
        self.secret_data = Output.secret(
            Output.all(
                certificate_pem=intermediate.certificate_pem,
                private_key_pem=intermediate.private_key_pem,
                root_pem=args.root.signing.certificate_pem,
                trusted_pem=args.trusted_pem,
            ).apply(lambda known: cacerts(**known))
        )
        self.register_outputs({})


def cacerts(*, certificate_pem: str, private_key_pem: str, root_pem: str, trusted_pem: str) -> dict[str, str]:
    """The four files of ``cacerts``; the chain goes from the intermediate up to the root that signed it."""
    return {
        "ca-cert.pem": certificate_pem,
        "ca-key.pem": private_key_pem,
        "root-cert.pem": trusted_pem,
        "cert-chain.pem": bundle([certificate_pem, root_pem]),
    }
