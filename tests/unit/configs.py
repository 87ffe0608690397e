"""Stack configs as plain data: the checked-in ones, and fleets of any size."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def stack(name: str) -> dict[str, Any]:
    """The config of a checked-in stack, without the project's prefix."""
    document = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())
    return {key.removeprefix("fleet:"): value for key, value in document["config"].items() if key.startswith("fleet:")}


def fleet_of(count: int, **sections: Any) -> dict[str, Any]:
    """A manager and a number of members, m0, m1 and so on, with the article's workloads and further sections."""
    members = {
        f"m{index}": {"region": "eu-west", "network": f"network{index}", "pools": _pools()} for index in range(count)
    }
    manager = {"role": "manager", "region": "eu-west", "pools": _pools()}
    return {"clusters": {"manager": manager} | members, "workloads": article()} | sections


def article(name: str = "dev", **changes: Any) -> dict[str, Any]:
    """The workloads of a checked-in stack, with changes of some entries."""
    entries = stack(name)["workloads"]
    return {workload: entry | changes.get(workload, {}) for workload, entry in entries.items()}


def _pools() -> dict[str, Any]:
    return {"main": {"type": "g6-standard-2", "count": 1}}
