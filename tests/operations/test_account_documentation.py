"""docs/account-check.md shows what a check says, what it costs, and the rights that it needs."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import pytest
import yaml
from linode_api4 import LinodeClient

from operations.account import claims
from operations.account.check import Limits
from operations.account.estimate import estimate
from operations.account.folder import OWN_CONFIG
from operations.account.leftovers import Noted, search
from plan import prices
from plan.events import Plan
from plan.steps import LKE_CLUSTER
from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs
from tests.article import HELLO
from tests.operations.account import LIMITS, REGIONS, PlayedApi, fleet, karmada, trial
from tests.plan.plans import cluster, release, step
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KARMADA: Final = karmada()
INGRESSES: Final = {"eu": "203.0.113.10", "us": "203.0.113.11"}
PAGE: Final = (ROOT / "docs" / "account-check.md").read_text()
SCOPES: Final = {
    "Kubernetes": "lke",
    "Linodes": "linodes",
    "Events": "events",
    "NodeBalancers": "nodebalancers",
    "Volumes": "volumes",
    "Firewalls": "firewall",
    "Object Storage": "object_storage",
}
"""What the Cloud Manager calls the services of scopes."""


@pytest.fixture
def api() -> Iterator[LinodeApi]:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as running:
        yield running


def plan() -> Plan:
    """Of the check's own config, what is billed; test_account_engine.py has the same of the real engine."""
    clusters = yaml.safe_load(OWN_CONFIG.read_text())["config"]["fleet:clusters"]
    pools = {name: [{"label": pool, **kind} for pool, kind in one["pools"].items()] for name, one in clusters.items()}
    planned = [cluster(name, *pools[name], region=one["region"]) for name, one in clusters.items()]
    etcd = {"installMode": "host", "etcd": {"internal": {"storageType": "pvc", "pvc": {"size": "10Gi"}}}}
    planned.append(release("karmada", "karmada", etcd, cluster="manager"))
    planned += [release(f"{name}-{gate}", "gateway", {}, cluster=name) for name in REGIONS for gate in ("in", "ew")]
    assert {one.name for one in planned if one.type == LKE_CLUSTER} == {f"{name}-cluster" for name in clusters}
    return Plan(stack="check", steps=tuple(step("create", new=one) for one in planned))


def reached(config: Mapping[str, str]) -> claims.Fleet:
    """The fleet with ingresses, and as many replicas of hello as the config says: Karmada gives eu the odd one."""
    replicas = int(config.get(f"fleet:workloads.{HELLO}.replicas", 2))
    seen = fleet()
    played = PlayedApi(answers={**KARMADA.answers, f"deployments.apps {HELLO}": {"spec": {"replicas": replicas}}})
    ready = {"eu": replicas - replicas // 2, "us": replicas // 2}
    members = []
    for member in seen.members:
        assert isinstance(member.view, PlayedApi)
        hello = {f"deployments.apps {HELLO}": {"status": {"readyReplicas": ready[member.name]}}}
        view = PlayedApi(answers={**member.view.answers, **hello})
        members.append(replace(member, ingress=INGRESSES[member.name], view=view))
    return claims.Fleet(karmada=played, workloads=seen.workloads, members=tuple(members))


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without the two of its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_page_shows_what_a_check_says(api: LinodeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "requests.get", lambda url, headers, timeout: SimpleNamespace(text='"REGION=eu-west"', status_code=200)
    )
    with trial(api, tmp_path) as tried:
        monkeypatch.setattr(tried.stack, "preview", plan)
        tried.check.reached = lambda _outputs, _workloads: nullcontext(reached(tried.stack.config))
        assert tried.check.agreed(LIMITS, prices.fetch(api.url, api.token), lambda _question: True)
        tag = tried.check.folder.noted.tag
        assert tried.check.run(LIMITS.minutes)
    said = re.sub(r"\d+\.\d s\b", "0.0 s", tried.said.replace(tag, "fleet-check-1a2b3c"))
    shown = PAGE.split("## What it says")[1].split("```text\n")[1].split("```")[0]
    assert shown == said, f"docs/account-check.md shows another output; this is it:\n{said}"


def test_the_page_has_the_prices_of_the_sandboxs_account(api: LinodeApi) -> None:
    found = estimate(plan(), prices.fetch(api.url, api.token))
    rows = {what: cost for what, _, cost in table("What it makes, and what that costs")}
    assert rows["all"] == str(found.hourly.normalize())
    assert sum(float(cost) for what, cost in rows.items() if what != "all") == pytest.approx(float(found.hourly))
    assert f"costs {found.at_most(60)} USD if it is over within an hour, and {found.at_most(90)} with" in PAGE
    assert Limits(dollars=LIMITS.dollars, minutes=60) == LIMITS, "the command's defaults"


def test_a_token_with_the_rights_of_the_page_can_search() -> None:
    rights = {
        SCOPES[access]: words.replace("read/write", "read_write").replace(" ", "_")
        for access, words, _ in table("The token")
    }
    assert rights["lke"] == "read_write"
    assert set(rights.values()) == {"read_write", "read_only"}
    token = AccessToken(secret="t" * 64, scopes=" ".join(f"{name}:{access}" for name, access in rights.items()))
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, tokens=(token,))) as account:
        client = LinodeClient(token.secret, base_url=f"{account.url}/v4")
        assert search(client, Noted(tag="fleet-check-1a2b3c")) == []
        client.session.close()
