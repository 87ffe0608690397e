"""Records what the real engine plans for the changes in docs/review.md: `python -m tests.review.record`, as root.

It brings up a sandbox of its own. On it the sandbox's stack is deployed with all layers, and two changes of it are
previewed; then the clusters of the production stack, two of them, whose pool shrinks. At the end everything is taken
down. Names of changes as arguments record these alone.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from plan import events, prices
from review import comment, report
from sandbox.clusters.host.layout import Layout
from sandbox.engine import Mode, Project, run
from sandbox.engine.project import CHECKOUT
from sandbox.linode import LinodeApi
from sandbox.local import lifecycle
from sandbox.local.target import Target
from tests.review.recordings import ADD_A_REGION, CHANGE_WEIGHTS, NAMES, SHRINK_A_POOL, recording
from tests.review.trimming import trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plan.prices import PriceList

SANDBOX_NETWORKS: Final = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]
"""Where the sandbox's clients and nodes are; production's own list of operators would shut this machine out."""
UP: Final = ("up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive")
DESTROY: Final = ("destroy", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive")

Config = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A stack as it is deployed, and the changes that are previewed on it."""

    stack: str
    adapt: Callable[[Config], None]
    """What the checked-in config needs to run on one small machine."""
    changes: Mapping[str, Callable[[Config], None]]


def _as_it_is(_config: Config) -> None:
    pass


def _add_japan(config: Config) -> None:
    pools = {"main": {"type": "g6-standard-2", "count": 1}}
    config["fleet:clusters"]["jp"] = {"region": "jp-osa", "network": "network4", "pools": pools}


def _weigh(config: Config) -> None:
    config["fleet:workloads"]["hello"]["weights"] = {"us": 2, "ap": 1, "eu": 2}


def _clusters_alone(config: Config) -> None:
    """Production's manager and one member, with nothing on them."""
    config["fleet:layers"] = []
    clusters = {name: config["fleet:clusters"][name] for name in ("cluster-manager", "us")}
    config["fleet:clusters"] = {name: {**spec, "acl": {"ipv4": SANDBOX_NETWORKS}} for name, spec in clusters.items()}


def _shrink(config: Config) -> None:
    pool = {"type": "g6-standard-4", "count": 2, "autoscaler": {"min": 1, "max": 2}}
    config["fleet:clusters"]["us"]["pools"] = {"main": pool}


DEPLOYMENTS: Final = (
    Deployment(stack="sandbox", adapt=_as_it_is, changes={ADD_A_REGION: _add_japan, CHANGE_WEIGHTS: _weigh}),
    Deployment(stack="prod", adapt=_clusters_alone, changes={SHRINK_A_POOL: _shrink}),
)


@dataclass(kw_only=True)
class Recorder:
    """A sandbox, a copy of the project's settings, and the prices that the reports are compared with."""

    layout: Layout
    folder: Path
    prices: PriceList

    def record(self, deployment: Deployment, names: Sequence[str]) -> None:
        """Deploy, preview the changes of these names, and take the deployment away."""
        config = self._settings(deployment.stack)
        deployment.adapt(config)
        self._run(deployment.stack, config, *UP)
        for name in names:
            changed = copy.deepcopy(config)
            deployment.changes[name](changed)
            log = self.folder / f"{name}.json"
            # A guardrail may refuse what is previewed, which the report tells; a log that is not whole is an error.
            self._pulumi(deployment.stack, changed, "preview", "--non-interactive", f"--event-log={log}")
            self._keep(name, log)
        self._run(deployment.stack, config, *DESTROY)

    def _keep(self, name: str, log: Path) -> None:
        kept = recording(name)
        kept.write_text("".join(f"{line}\n" for line in trimmed(log.read_text().splitlines())))
        whole, short = (comment.markdown(report.build(events.read(file), self.prices)) for file in (log, kept))
        if whole != short:
            raise AssertionError(f"{name}: what was trimmed away is part of the report\n{whole}\n---\n{short}")
        print(f"recorded {kept}: {kept.stat().st_size} bytes of {log.stat().st_size}")

    def _settings(self, stack: str) -> Config:
        settings: Config = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text())["config"]
        return settings

    def _run(self, stack: str, config: Config, *arguments: str) -> None:
        code = self._pulumi(stack, config, *arguments)
        if code != 0:
            raise AssertionError(f"pulumi {arguments[0]} of {stack} ended with exit code {code}")

    def _pulumi(self, stack: str, config: Config, *arguments: str) -> int:
        (self.folder / "project" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        project = Project(folder=self.folder / "project")
        target = Target(layout=self.layout, project=project, stack=stack, mode=Mode.OFFLINE)
        request = replace(target.request(arguments), variables={"PULUMI_DEBUG_COMMANDS": "true"})
        return run(request, target.workspace, say=print)


def main(names: Sequence[str]) -> None:
    """Record the changes of these names."""
    layout = Layout("record")
    with tempfile.TemporaryDirectory() as folder, LinodeApi() as api:
        project = Path(folder) / "project"
        project.mkdir()
        for name in ("Pulumi.yaml", "__main__.py", "fleet", "policies", ".venv"):
            (project / name).symlink_to(CHECKOUT / name)
        recorder = Recorder(layout=layout, folder=Path(folder), prices=prices.fetch(api.url, api.token))
        lifecycle.down(layout)
        try:
            lifecycle.up(layout, say=print)
            for deployment in DEPLOYMENTS:
                if wanted := [name for name in deployment.changes if name in names]:
                    recorder.record(deployment, wanted)
        finally:
            lifecycle.down(layout)


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
