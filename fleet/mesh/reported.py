"""What the mesh's own resources report in the state: versions, gateways' addresses, roots, and who was expelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import charts
from fleet.config.fields import minor
from fleet.mesh.ca import trusted_among
from fleet.mesh.expulsion import record
from fleet.state import RELEASE, SECRET, STASH, content
from fleet.versions import KUBERNETES_BY_ISTIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from fleet.state import State

ROOT: Final = "tls:index/selfSignedCert:SelfSignedCert"
INTERMEDIATE: Final = "tls:index/locallySignedCert:LocallySignedCert"
PRIVATE_KEY: Final = "tls:index/privateKey:PrivateKey"
EAST_WEST: Final = "fleet:mesh:EastWestGateway"
INGRESS: Final = "fleet:mesh:IngressGateway"

Facts = dict[str, Any]


def facts(found: State, told: Mapping[str, Any], *, clusters: Set[str], expelled: Set[str]) -> Facts:
    """What is deployed of the mesh. `told` is what an earlier Fleet recorded of itself."""
    gone = {member for member in expelled if _is_forgotten(member, found, told)}
    return {
        "istio": _versions(found, told, gone),
        "eastWestGateways": _gateways(found, EAST_WEST, "-east-west", gone),
        "ingresses": _gateways(found, INGRESS, "-ingress", gone),
        "meshRoots": _roots(found, told, clusters=clusters, expelled=expelled),
    }


def failed(release: Mapping[str, Any]) -> bool:
    """Whether a release did not become well."""
    return (release.get("status") or {}).get("status") not in (None, "deployed")


def _is_forgotten(member: str, found: State, told: Mapping[str, Any]) -> bool:
    """Whether an update was done that said to forget what is in it, and the next one does."""
    if found.kept(record(member)):
        return True
    return bool(told) and member not in ((told.get("versions") or {}).get("istio") or {})


def _versions(found: State, told: Mapping[str, Any], gone: Set[str]) -> Facts:
    before = (told.get("versions") or {}).get("istio") or {}
    there = {member: release for member, release in found.named(RELEASE, "-istio-istiod") if member not in gone}
    reported = {member: _version(release) for member, release in there.items()}
    versions = {member: version or before.get(member) for member, version in reported.items()}
    return {
        "versions": {member: version for member, version in versions.items() if version},
        "unfinished": [member for member, release in there.items() if reported[member] and failed(release)],
    }


def _version(release: Mapping[str, Any]) -> str | None:
    """The version of an istiod's chart, or where that lies in a folder and does not tell, what the release says."""
    for version in (str(release.get("version") or ""), charts.described(release.get("description"))):
        try:
            if version and ".".join(map(str, minor(version))) in KUBERNETES_BY_ISTIO:
                return version
        except ValueError:
            continue
    return None


def _gateways(found: State, kind: str, suffix: str, gone: Set[str]) -> dict[str, str]:
    """By member, where its gateway is reached: a component that has asked for it, and no resource of Pulumi's does."""
    return {
        member: str((found.get(kind, f"{member}{suffix}") or {}).get("address") or "")
        for member, _ in found.named(RELEASE, f"{suffix}-release")
        if member not in gone
    }


def _roots(found: State, told: Mapping[str, Any], *, clusters: Set[str], expelled: Set[str]) -> Facts | None:
    """Which roots every member trusts by its cacerts, and which signed for any of them."""
    pems = {name: pem for name, pem in _authorities(found) if pem}
    held = [content(secret, "root-cert.pem") for _, secret in found.named(SECRET, "-istio-cacerts")]
    signers = {name for name, pem in pems.items() if _has_signed(name, pem, found)}
    # An expelled member is in nobody's hands; while there is one, the others trust each other's intermediates.
    trusted = list(pems) if expelled else trusted_among(pems, held) or sorted(signers)
    if not held or not trusted:
        return None
    kept = {
        member: roots
        for member, roots in _of_expelled(found, told).items()
        if member in expelled or member not in clusters
    }
    signing = min(signers, default=trusted[0])
    return {"trusted": trusted, "signing": signing, "signers": sorted(signers), "expelled": kept}


def _of_expelled(found: State, told: Mapping[str, Any]) -> dict[str, list[str]]:
    """By member, the roots that everybody trusted when it was expelled."""
    earlier = (told.get("meshRoots") or {}).get("expelled") or {}
    noted = {member: kept["roots"] for member, kept in _records(found)}
    return {member: list(roots) for member, roots in (dict(earlier) | noted).items()}


def _records(found: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for member, _ in found.named(STASH, record("")):
        yield member, found.kept(record(member))


def _authorities(found: State) -> Iterator[tuple[str, str]]:
    for name, outputs in found.named(ROOT, "-cert"):
        if name.startswith("mesh-"):
            yield name.removeprefix("mesh-"), str(outputs.get("certPem") or "").strip()


def _has_signed(name: str, pem: str, found: State) -> bool:
    """Whether a root signed for any member, perhaps before it was renewed, which leaves its key as it is."""
    key = (found.get(PRIVATE_KEY, f"mesh-{name}-key") or {}).get("privateKeyPem")
    return any(
        str(signed.get("caCertPem") or "").strip() == pem or (key is not None and signed.get("caPrivateKeyPem") == key)
        for _, signed in found.named(INTERMEDIATE, "-istio-ca-intermediate-cert")
    )
