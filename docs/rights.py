"""The table in docs/rights.md: ``python -m docs.rights`` puts it there.

The rows are what the checked-in stacks really register, read from their resource graphs: a right that the program gives
cannot be missing. What each is for, its role says itself (fleet/rights.py).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from fleet.karmada.pki import AUTHORITY
from fleet.rights import WHY
from tests.unit.configs import ROOT, stack
from tests.unit.graph import Graph, Node, build

PAGE: Final = ROOT / "docs" / "rights.md"
BEGIN: Final = "<!-- table: made by `python -m docs.rights` -->\n"
END: Final = "<!-- end of table -->"
STACKS: Final = ("dev", "prod", "sandbox")
UNEXPLAINED: Final = f"**it does not say** (annotation `{WHY}`)"

_GROUP: Final = "kubernetes:rbac.authorization.k8s.io/"
_HEAD: Final = ("where", "who", "may", "by", "so that")
_ADMINISTRATORS: Final = "system:masters"
_CLIENT_USE: Final = "client_auth"
_MANAGER, _EVERY_MEMBER, _SOME_MEMBERS, _KARMADA = "the manager", "each member", "some members", "Karmada"
_NAME: Final = "MEMBER"
"""Stands for a member's name in rows that every member has for itself."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """One row: a role and whom it is bound to."""

    where: str
    namespace: str
    """Empty where it holds everywhere."""
    who: str
    may: tuple[str, ...]
    by: str
    why: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row's cells, in the order of the head."""
        where = f"{self.where}, in `{self.namespace}`" if self.namespace else self.where
        return (where, self.who, "<br>".join(self.may), self.by, self.why)


def rights(graph: Graph) -> set[Right]:
    """What a fleet's graph gives to whom; the same right in every member is one."""
    roles = {_key(node): node for node in _of_kind(graph, "Role", "ClusterRole")}
    bindings = _of_kind(graph, "RoleBinding", "ClusterRoleBinding")
    names = _Names.of(graph)
    bound = {_role_key(binding) for binding in bindings}
    pairs = [(binding, roles.get(_role_key(binding))) for binding in bindings]
    clusters: defaultdict[Right, set[str]] = defaultdict(set)
    for given in [*pairs, *((role, role) for key, role in roles.items() if key not in bound)]:
        clusters[_right(*given, names)].add(given[0].provider_name)
    return {
        replace(right, where=_SOME_MEMBERS)
        if right.where == _EVERY_MEMBER and len(providers) < names.members
        else right
        for right, providers in clusters.items()
    }


def administrators(graph: Graph) -> set[str]:
    """The users of client certificates that no role limits."""
    names = _Names.of(graph)
    subjects = [node.plain()["subject"] for node in graph.of_type("tls:index/certRequest:CertRequest")]
    return {
        names.general(f"`{subject['commonName']}`")
        for subject in subjects
        if subject.get("organization") == _ADMINISTRATORS
    }


def clients(graph: Graph) -> set[str]:
    """The users of all client certificates of Karmada's authority."""
    names = _Names.of(graph)
    authorities = {
        node.urn
        for node in graph.of_type("tls:index/selfSignedCert:SelfSignedCert")
        if node.plain()["subject"]["commonName"] == AUTHORITY.common_name
    }
    return {
        names.general(f"`{graph.nodes[request].plain()['subject']['commonName']}`")
        for node in graph.of_type("tls:index/locallySignedCert:LocallySignedCert")
        if authorities.intersection(node.sources["caCertPem"]) and _CLIENT_USE in node.plain()["allowedUses"]
        for request in node.sources["certRequestPem"]
    }


def table(graphs: Sequence[Graph]) -> str:
    """All rights of some fleets, and who needs none."""
    found = {right for graph in graphs for right in rights(graph)}
    rows = sorted((right.cells for right in found), key=lambda cells: (cells[0], cells[3], cells))
    lines = [_row(_HEAD), _row("---" for _ in _HEAD), *map(_row, rows)]
    unlimited = sorted({user for graph in graphs for user in administrators(graph)})
    if unlimited:
        lines += ["", f"No role limits client certificates of the group `{_ADMINISTRATORS}`: {', '.join(unlimited)}."]
    known = sorted({user for graph in graphs for user in clients(graph)})
    if known:
        lines += ["", f"Karmada's etcd lets in every client certificate of Karmada's authority: {', '.join(known)}."]
    return "\n".join(lines) + "\n"


def page_with(text: str, drawn: str) -> str:
    """The page's text with the table between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + drawn + END + tail


def main(page: Path = PAGE) -> None:
    """Put the table into the page."""
    drawn = table([build(stack(name)) for name in STACKS])
    page.write_text(page_with(page.read_text(encoding="utf-8"), drawn), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class _Names:
    """Of which clusters the providers are, and how members are called."""

    places: Mapping[str, str]
    members: int
    name: re.Pattern[str]

    @staticmethod
    def of(graph: Graph) -> "_Names":
        clusters = graph.outputs["stack"]["clusters"]
        members = [cluster["name"] for cluster in clusters if cluster["network"]]
        return _Names(
            places={
                f"{cluster['name']}-provider": _EVERY_MEMBER if cluster["network"] else _MANAGER for cluster in clusters
            },
            members=len(members),
            name=re.compile(rf"\b({'|'.join(members)})\b"),
        )

    def place(self, node: Node) -> str:
        """The API server that a resource is in."""
        return self.places.get(node.provider_name, _KARMADA)

    def general(self, text: str) -> str:
        """A text that names a member, for whichever member."""
        return self.name.sub(_NAME, text)


def _of_kind(graph: Graph, *kinds: str) -> list[Node]:
    return [node for node in graph.nodes.values() if node.type.startswith(_GROUP) and _kind(node) in kinds]


def _kind(node: Node) -> str:
    return node.type.rpartition(":")[2].removesuffix("Patch")


def _key(role: Node) -> tuple[str, str, str, str]:
    metadata = role.plain()["metadata"]
    return role.provider_name, _kind(role), metadata["name"], metadata.get("namespace", "")


def _role_key(binding: Node) -> tuple[str, str, str, str]:
    inputs = binding.plain()
    reference = inputs["roleRef"]
    namespace = inputs["metadata"].get("namespace", "") if reference["kind"] == "Role" else ""
    return binding.provider_name, reference["kind"], reference["name"], namespace


def _right(binding: Node, role: Node | None, names: _Names) -> Right:
    """The row of a binding and its role; of a role alone where it is both."""
    inputs = binding.plain()
    kind, name = (_key(binding) if binding is role else _role_key(binding))[1:3]
    may = _allowed(role.plain()) if role else [f"what `{name}` allows, which is not of the program"]
    reasons = [node.plain()["metadata"].get("annotations", {}).get(WHY) for node in (role, binding) if node]
    return Right(
        where=names.place(binding),
        namespace=names.general(inputs["metadata"].get("namespace", "")),
        who=names.general(", ".join(_subject(one) for one in inputs.get("subjects") or ()) or "nobody"),
        may=tuple(names.general(one) for one in may),
        by=names.general(f"{kind} `{name}`"),
        why=next(filter(None, reasons), UNEXPLAINED),
    )


def _subject(subject: Mapping[str, str]) -> str:
    name = "/".join(filter(None, (subject.get("namespace"), subject["name"])))
    # ServiceAccount, User, Group, in words.
    return f"{re.sub('(?<!^)(?=[A-Z])', ' ', subject['kind']).lower()} `{name}`"


def _allowed(role: Mapping[str, Any]) -> Iterator[str]:
    for rule in role.get("rules") or ():
        resources = [
            f"{resource}.{group}" if group else resource
            for group in rule.get("apiGroups") or ()
            for resource in rule.get("resources") or ()
        ]
        named = rule.get("resourceNames")
        limited = f" named {_code(named)}" if named else ""
        yield f"{', '.join(rule['verbs'])} {_code([*resources, *(rule.get('nonResourceURLs') or ())])}{limited}"
    if role.get("aggregationRule"):
        yield "what other roles add to it by their labels"


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
