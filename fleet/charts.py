"""Helm releases of pinned charts, wherever the charts come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from fleet.config import secrets

OCI_SCHEME = "oci://"
REPOSITORY_SCHEMES = ("https://", "http://")
DESCRIBED = "of version "


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of a source: a repository address, an oci:// address, or a folder with one folder a chart."""

    source: str
    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    """What is installed where; values go over the chart's own, and may hold secrets of the config."""

    chart: Chart
    release_name: str
    namespace: Input[str]
    values: Mapping[str, Any]
    timeout_seconds: int = 600
    skip_await: bool = False
    wait_for_jobs: bool = False
    notes_version: bool = False
    """Whether the release says which version it is of, where its chart lies in a folder and does not."""


def release(name: str, args: ReleaseArgs, opts: ResourceOptions) -> kubernetes.helm.v3.Release:
    """A Helm release; helm.v3.Release because helm.v4.Chart drops a chart's hooks (pulumi-kubernetes#3284)."""
    chart, repository, version = locate(args.chart)
    return kubernetes.helm.v3.Release(
        name,
        name=args.release_name,
        chart=chart,
        version=version,
        repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=repository) if repository else None,
        namespace=args.namespace,
        values=secrets.sealed(args.values),
        timeout=args.timeout_seconds,
        skip_await=args.skip_await,
        wait_for_jobs=args.wait_for_jobs,
        # An upgrade that fails takes back what it added; the next update goes on from the release as it was.
        cleanup_on_fail=True,
        # A note of Helm's own on the release, which is in no object.
        description=f"{DESCRIBED}{args.chart.version}" if args.notes_version and version is None else None,
        opts=opts,
    )


def version_of(made: kubernetes.helm.v3.Release) -> Output[str | None]:
    """The version of a release's chart as the release has it; None for one in a folder that says nothing."""
    known = Output.all(recorded=made.version, chart=made.chart, status=made.status, description=made.description)
    return known.apply(
        lambda it: it["recorded"] if it["recorded"] and _has_version(it["chart"]) else described(it["description"])
    )


def described(description: str | None) -> str | None:
    """The version that a release says it is of."""
    return description.removeprefix(DESCRIBED) if description and description.startswith(DESCRIBED) else None


def _has_version(chart: str) -> bool:
    """Whether a chart is one of a repository or a registry, and no folder."""
    return "/" not in chart or chart.startswith(OCI_SCHEME)


def forgotten(name: str, opts: ResourceOptions) -> kubernetes.helm.v3.Release:
    """A release in an expelled cluster, which the next update forgets without asking anybody.

    Pulumi's Kubernetes provider drops every other object of a cluster that it cannot reach, but fails on releases
    (pulumi-kubernetes#2675). A provider that skips updates leaves the inputs as they were recorded, whatever they are
    here, and from then on the state says that the release is to be kept.
    """
    return kubernetes.helm.v3.Release(
        name, chart="as recorded", opts=ResourceOptions.merge(opts, ResourceOptions(retain_on_delete=True))
    )


def locate(chart: Chart) -> tuple[str, str | None, str | None]:
    """Chart, repository and version as Helm takes them; a folder is its own version."""
    if chart.source.startswith(OCI_SCHEME):
        return f"{chart.source.rstrip('/')}/{chart.name}", None, chart.version
    if chart.source.startswith(REPOSITORY_SCHEMES):
        return chart.name, chart.source, chart.version
    return f"{chart.source.rstrip('/')}/{chart.name}", None, None


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Values as Helm merges them: maps key by key, anything else replaced by the later one."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]  # narrowed by both
    return result
