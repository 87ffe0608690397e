"""Rules on what is installed: charts and images in the very version that was reviewed."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import EAST_WEST_GATEWAY, INGRESS_GATEWAY
from plan.steps import RELEASE
from policies.guardrails.model import Finding, Resource, Stack, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXACT_VERSION: Final = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
"""A semantic version and no range of them, as Helm takes them both."""
MOVING_TAGS: Final = frozenset({"latest", "stable", "main", "master", "edge", "nightly", "dev", "canary"})
LATEST_BY_DEFAULT: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "karmada": {
        "host": ("kubectl", "cfssl", "scheduler", "webhook", "controllerManager", "aggregatedApiServer"),
    }
}
"""By chart and install mode, the parts whose image.tag is `latest` by default (charts/karmada/values.yaml)."""
POD_TEMPLATES: Final = ("kubernetes:apps/v1:", "kubernetes:batch/v1:")
OVERRIDE: Final = "kubernetes:policy.karmada.io/v1alpha1:OverridePolicy"
_VALUES_KEYS: Final = {
    "karmada": "fleet:karmada.values",
    "istiod": "fleet:mesh.istiodValues",
    EAST_WEST_GATEWAY: "fleet:eastWest.values",
    INGRESS_GATEWAY: "fleet:ingress.values",
}
"""By the name of a release, the key whose values go over the program's."""
_VERSION_KEYS: Final = {"karmada": "fleet:versions.karmadaChart"}
_ISTIO_VERSION_KEY: Final = "fleet:versions.istio"


def versions_are_pinned(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """Neither a chart nor an image changes by itself."""
    if resource.type == RELEASE:
        yield from _release(resource)
    elif resource.type.startswith(POD_TEMPLATES):
        key = f"fleet:workloads.{section(resource.inputs, 'metadata', 'name') or resource.name}.image"
        job = section(resource.inputs, "spec", "jobTemplate") or resource.inputs
        for image in _container_images(section(job, "spec", "template", "spec")):
            if wrong := unpinned(image):
                yield _finding(resource, f"image {image!r} {wrong}", f"Set {key} to an image with an exact tag")
    elif resource.type == OVERRIDE:
        for key, image in _images_of_members(section(resource.inputs, "spec")):
            if wrong := unpinned(image):
                yield _finding(resource, f"image {image!r} {wrong}", f"Set {key} to an image with an exact tag")


def _images_of_members(spec: Any) -> Iterator[tuple[str, str]]:
    """The images that a workload has in some members alone, each with its key."""
    for selected in section(spec, "resourceSelectors") or []:
        for rule in section(spec, "overrideRules") or []:
            for member in section(rule, "targetCluster", "clusterNames") or []:
                for patch in section(rule, "overriders", "plaintext") or []:
                    if str(section(patch, "path")).endswith("/image"):
                        key = f"fleet:workloads.{section(selected, 'name')}.perMember.{member}.image"
                        yield key, str(section(patch, "value"))


def unpinned(image: str) -> str:
    """What is wrong with a reference to an image: `has no tag`; empty where it is pinned by a tag or a digest."""
    if "@" in image:
        return ""
    _, colon, tag = image.rpartition("/")[2].partition(":")
    if not colon or not tag:
        return "has no tag, which means latest"
    return f"has the moving tag {tag!r}" if tag in MOVING_TAGS else ""


def _release(resource: Resource) -> Iterator[Finding]:
    chart = str(section(resource.inputs, "chart") or "")
    name = PurePosixPath(chart).name
    version = section(resource.inputs, "version")
    if not _is_pinned(resource, chart, version):
        told = f"version {version!r} of chart {name} is a range" if version else f"chart {name} has no version"
        key = _VERSION_KEYS.get(name, _ISTIO_VERSION_KEY)
        yield _finding(resource, told, f"Set {key} to one exact version")
    values = section(resource.inputs, "values") or {}
    key = _VALUES_KEYS.get(str(section(resource.inputs, "name")), "the values of the chart")
    mend = f"Set it in {key}"
    for path, wrong in (*_moving(values), *_defaults(name, values)):
        yield _finding(resource, f"{path} {wrong}", mend)


def _is_pinned(resource: Resource, chart: str, version: Any) -> bool:
    """A folder is its own version: it has no repository, and its name is a path."""
    in_folder = "/" in chart and "://" not in chart and not section(resource.inputs, "repositoryOpts", "repo")
    return in_folder or bool(version and EXACT_VERSION.fullmatch(str(version)))


def _moving(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where values name an image or a tag that moves."""
    if isinstance(values, list):
        for place, value in enumerate(values):
            yield from _moving(value, f"{path}[{place}]")
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        below = f"{path}.{key}" if path else str(key)
        if key == "tag" and (value == "" or value in MOVING_TAGS):
            yield below, f"is {value!r}, which moves"
        # Charts also call an image's mere name so (Istio's `global.proxy.image`): that has no slash and no tag.
        elif key == "image" and isinstance(value, str) and ("/" in value or ":" in value) and unpinned(value):
            yield below, f"is {value!r}, which {unpinned(value)}"
        else:
            yield from _moving(value, below)


def _defaults(chart: str, values: Any) -> Iterator[tuple[str, str]]:
    """Where values leave an image to a chart's default of `latest`."""
    for part in LATEST_BY_DEFAULT.get(chart, {}).get(str(section(values, "installMode") or "host"), ()):
        if section(values, part, "image", "tag") is None:
            yield f"{part}.image.tag", "is not set, and latest by the chart's default"


def _container_images(pod: Any) -> Iterator[str]:
    for kind in ("initContainers", "containers"):
        for container in section(pod, kind) or []:
            image = section(container, "image")
            if isinstance(image, str):
                yield image


def _finding(resource: Resource, what: str, mend: str) -> Finding:
    kind = "release" if resource.type == RELEASE else resource.type.rsplit(":", 1)[-1].lower()
    return Finding(where=f"{kind} {resource.name}", what=what, mend=mend, urn=resource.urn)
