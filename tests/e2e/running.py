"""The fleet that the tests share: brought up once, by the code of `make up`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from operations.stages import kept, run_stages
from sandbox.local.stages import stages
from sandbox.verify import karmada
from sandbox.verify.member import Member, Operator, View, karmada_api, members, views
from tests.article import HELLO, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from tests.e2e.stack import Stack

CLAIMS: Final[Mapping[str, int]] = {
    # Members, no policy, two workloads, three answers, three agents, and no credentials.
    "karmada": 11,
    "failover": 1,
    "backups": 1,
    # A root, and peers, routes, answers, plain text and an ingress in three members each.
    "mesh": 16,
    "balancers": 3,
    # Members are let in, and the manager is behind it.
    "firewall": 2,
}
"""How many `python -m sandbox verify` makes of the fleet that is checked in; tests/verify counts them."""


@dataclass(kw_only=True)
class Fleet:
    """All layers on four clusters, and the config that they have now."""

    stack: Stack
    said_when_stopped: str
    """What its user read when the first `make up` was stopped in the middle."""
    sections: dict[str, Any] = field(default_factory=dict)
    """What the config has over the checked-in one."""
    _outputs: dict[str, Any] | None = field(default=None, init=False)

    @staticmethod
    def bring_up(stack: Stack, *, said_when_stopped: str = "", say: Callable[[str], None]) -> Fleet:
        """Everything, from nothing or what there is, with the config as it is checked in."""
        stack.configure()
        run_stages(stages(stack.target, say=say), say=say, afterwards=kept("make e2e"))
        return Fleet(stack=stack, said_when_stopped=said_when_stopped)

    def configured(self, **sections: Any) -> Fleet:
        """The fleet with these sections of config over the checked-in ones; `pulumi up` if it has others now.

        Each test asks for what it needs and leaves it so: what the next one needs may be the same.
        """
        if self._with_roots(sections) != self.sections:
            self.up(**sections)
        return self

    def up(self, **sections: Any) -> str:
        """`pulumi up` with these sections of config over the checked-in ones, whatever the fleet has now."""
        self._outputs = None
        sections = self._with_roots(sections)
        said = self.stack.up(**sections)
        self.sections = sections
        return said

    def _with_roots(self, sections: dict[str, Any]) -> dict[str, Any]:
        """Sections that name no roots, with those that tests before have turned to: no update goes back to others."""
        roots = {key: value for key, value in self.sections.get("certs", {}).items() if key == "mesh"}
        certs = roots | sections.get("certs", {})
        return sections | {"certs": certs} if certs else sections

    @property
    def layout(self) -> Layout:
        """The sandbox that it runs on."""
        return self.stack.layout

    @property
    def outputs(self) -> dict[str, Any]:
        """What the stack exports, secrets in the clear."""
        if self._outputs is None:
            self._outputs = self.stack.outputs()
        return self._outputs

    @property
    def members(self) -> Mapping[str, Member]:
        """The members by name."""
        return {member.name: member for member in members(self.outputs, self.layout, self.layout.kubeconfigs)}

    @property
    def karmada(self) -> Operator:
        """Karmada's own API."""
        found = karmada_api(self.outputs, self.layout, self.layout.kubeconfigs)
        assert found, "the stack has Karmada"
        return found

    @property
    def views(self) -> Mapping[str, View]:
        """Every cluster and Karmada, by name, as viewers see them."""
        return views(self.outputs, self.layout, self.layout.kubeconfigs)


def wrong(fleet: Fleet, folder: Path) -> list[str]:
    """The claims of `python -m sandbox verify` about Karmada that do not hold, with their evidence."""
    seen = list(karmada.claims(fleet.karmada, list(fleet.members.values()), folder, WORKLOADS))
    assert len(seen) == CLAIMS["karmada"]
    return [f"{claim.text}: {claim.evidence}" for claim in seen if not claim.holds]


def changes_nothing(said: str) -> bool:
    """Whether an update, by what Pulumi said of it, left every resource as it was."""
    return " unchanged" in said and not any(
        f" {word}" in said for word in ("created", "updated", "replaced", "deleted")
    )


def hello_by_member(members: Mapping[str, Member]) -> dict[str, int]:
    """How many replicas of hello run in each member."""
    return {name: len(member.running(HELLO)) for name, member in members.items()}
