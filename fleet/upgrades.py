"""Which Kubernetes version each cluster gets, by what it runs: versions that go together, and one cluster at a time.

Linode recycles every node of a cluster that goes up, so that an update which raised all of them would take every region
away at once. docs/decisions/0174 has the order, and 0175 says what a cluster without a version in its entry gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.config import rules
from fleet.config.fields import steps_between
from fleet.config.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.config.settings import FleetConfig
    from fleet.deployed import Deployed


def errors(config: FleetConfig, deployed: Deployed) -> list[str]:
    """Every version that a cluster cannot have beside the others, or not in this update, each with what it can."""
    return [str(violation) for violation in (*_unsupported(config, deployed), *_one_at_a_time(config, deployed))]


def _unsupported(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    for name, cluster in config.clusters.items():
        if cluster.kubernetes_version is None:
            version = config.kubernetes_version(name, deployed.kubernetes_version(name))
            yield from rules.unsupported(config, name, version)


def _one_at_a_time(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    versions = {
        name: (now, config.kubernetes_version(name, now))
        for name in (*config.members, config.manager)
        if (now := deployed.kubernetes_version(name)) is not None
    }
    rising = [name for name, (now, wanted) in versions.items() if steps_between(now, wanted) > 0]
    if rising and (down := [other.name for other in deployed.clusters if other.unready and other.name != rising[0]]):
        now, wanted = versions[rising[0]]
        yield Violation(
            path=("clusters", rising[0], "kubernetesVersion"),
            message=f"{wanted!r} recycles every node while Linode has nodes of {', '.join(map(repr, down))} that are "
            f"not ready; keep {now!r} until they are, or recycle them",
        )
    for name in rising[1:]:
        now, wanted = versions[name]
        yield Violation(
            path=("clusters", name, "kubernetesVersion"),
            message=f"{wanted!r} recycles every node in the update that recycles those of {rising[0]!r}; keep "
            f"{now!r}, and raise one cluster an update, members first and the manager last: {', '.join(rising)}",
        )
