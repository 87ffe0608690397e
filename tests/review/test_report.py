"""What a reviewer reads: the order, what blocks, and what is never shown."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from rich.markdown import Markdown

from fleet.versions import DEFAULT_KUBERNETES
from plan.events import EventLogError, Finding, Plan, read
from plan.prices import PriceList, Rate
from plan.steps import LKE_CLUSTER
from review import comment, report
from tests.review import logs

if TYPE_CHECKING:
    from pathlib import Path

PRICES = PriceList(rates={"g6-standard-2": Rate(monthly=Decimal(24)), "lke-sa": Rate(monthly=Decimal(0))})
WEIGHT = "spec.placement.weights[0].weight"
POLICY = "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy"
SECRET_TYPE = "kubernetes:core/v1:Secret"
WORD = "hunter2-correct-horse"


def cluster_inputs(*, count: int = 1, version: str = "1.35") -> dict[str, Any]:
    pools = [{"label": "main", "type": "g6-standard-2", "count": count}]
    return {"region": "eu-west", "k8sVersion": version, "pools": pools}


def upgrade() -> dict[str, Any]:
    """A change that recycles all nodes of a cluster."""
    old, new = cluster_inputs(), cluster_inputs(version="1.36")
    return logs.step("update", LKE_CLUSTER, "us-cluster", old=old, new=new, **logs.changed("k8sVersion"))


def report_on(folder: Path, *events: dict[str, Any]) -> report.Report:
    return report.build(logs.plan_of(folder, *events), PRICES)


def text_on(folder: Path, *events: dict[str, Any]) -> str:
    return comment.markdown(report_on(folder, *events))


def test_what_is_dangerous_stands_before_everything_else(tmp_path: Path) -> None:
    created = logs.step("create", POLICY, "new", new={})
    text = text_on(tmp_path, created, logs.finding("mandatory", "no"), upgrade())
    order = ["### Dangerous", "### Guardrails", "### Cost", "### Changes"]
    assert sorted(order, key=text.index) == order


def test_a_danger_blocks_until_the_config_acknowledges_it(tmp_path: Path) -> None:
    blocked = report_on(tmp_path, logs.config(acknowledged=[]), upgrade())
    assert blocked.blockers == ("1 danger not acknowledged in fleet:acknowledged",)
    assert "fleet:acknowledged: [recycle us]" in comment.markdown(blocked)
    meant = report_on(tmp_path, logs.config(acknowledged=["recycle us"]), upgrade())
    assert meant.blockers == ()
    assert "acknowledged" in comment.markdown(meant)


@pytest.mark.parametrize(
    ("versions", "newest"), [({}, DEFAULT_KUBERNETES), ({"kubernetes": "1.36"}, "1.36"), (None, DEFAULT_KUBERNETES)]
)
def test_what_keeps_an_older_kubernetes_than_new_clusters_get_is_told(
    tmp_path: Path, versions: dict[str, str] | None, newest: str
) -> None:
    clusters = [
        logs.step("same", LKE_CLUSTER, f"{name}-cluster", old=inputs, new=inputs)
        for name, version in (("us", "1.9"), ("eu", newest), ("ap", "1.99"))
        for inputs in [cluster_inputs(version=version)]
    ]
    gone = logs.step("delete", LKE_CLUSTER, "jp-cluster", old=cluster_inputs(version="1.9"))
    settings = [] if versions is None else [logs.config(versions=versions)]
    found = report_on(tmp_path, *settings, *clusters, gone)
    assert found.behind == (f"us runs Kubernetes 1.9, and new clusters get {newest}",)
    text = comment.markdown(found)
    assert "### Behind" in text
    assert "one cluster an update, members first, the manager last" in text


def test_where_nothing_is_behind_nothing_is_said(tmp_path: Path) -> None:
    inputs = cluster_inputs(version=DEFAULT_KUBERNETES)
    assert "Behind" not in text_on(tmp_path, logs.step("create", LKE_CLUSTER, "us-cluster", new=inputs))


def test_an_acknowledgement_that_nothing_needs_is_told(tmp_path: Path) -> None:
    assert "take it out: recycle us" in text_on(tmp_path, logs.config(acknowledged=["recycle us"]))


@pytest.mark.parametrize(("level", "blocks"), [("mandatory", True), ("advisory", False)])
def test_a_mandatory_finding_blocks_and_an_advisory_one_does_not(tmp_path: Path, level: str, blocks: bool) -> None:
    found = report_on(tmp_path, logs.finding(level, "two nodes are needed"))
    assert bool(found.blockers) is blocks
    assert "two nodes are needed" in comment.markdown(found)


def test_mandatory_findings_come_first(tmp_path: Path) -> None:
    found = report_on(tmp_path, logs.finding("advisory", "a", policy="a"), logs.finding("mandatory", "z", policy="z"))
    assert [finding.level for finding in found.findings] == ["mandatory", "advisory"]


def test_a_failed_preview_blocks_and_shows_why_without_colours(tmp_path: Path) -> None:
    found = report_on(tmp_path, logs.error("<{%reset%}>clusters.jp.region: 'jp-osaka' is none<{%reset%}>"))
    assert found.blockers == ("the preview failed",)
    text = comment.markdown(found)
    assert "clusters.jp.region: 'jp-osaka' is none" in text
    assert "<{%" not in text


def test_changes_are_told_worst_first_with_old_and_new_values(tmp_path: Path) -> None:
    old, new = ({"spec": {"placement": {"weights": [{"weight": weight}]}}} for weight in (1, 2))
    steps = [
        logs.step("create", POLICY, "hello", new={}),
        logs.step("update", POLICY, "sleep", old=old, new=new, **logs.changed(WEIGHT)),
        logs.step("delete", POLICY, "gone", old={}),
    ]
    text = text_on(tmp_path, *steps)
    assert f"sleep (`{WEIGHT}: 1 → 2`)" in text
    assert sorted(("| delete 1", "| update 1", "| create 1"), key=text.index) == [
        "| delete 1",
        "| update 1",
        "| create 1",
    ]


def test_a_change_of_cost_is_signed_and_summed(tmp_path: Path) -> None:
    grown = logs.step("update", LKE_CLUSTER, "us-cluster", old=cluster_inputs(), new=cluster_inputs(count=3))
    added = logs.step("create", LKE_CLUSTER, "ap-cluster", new=cluster_inputs(count=2))
    gone = logs.step("delete", LKE_CLUSTER, "eu-cluster", old=cluster_inputs())
    lines = text_on(tmp_path, grown, added, gone).splitlines()
    row = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in lines if line.startswith("| ")}
    assert (row["us"], row["ap"], row["eu"], row["**all**"]) == ("+48", "+48", "-24", "**+72**")


def test_a_report_without_prices_says_why_and_is_a_report_all_the_same(tmp_path: Path) -> None:
    plan = logs.plan_of(tmp_path, upgrade())
    text = comment.markdown(report.build(plan, None, no_prices="the API does not answer"))
    assert "Cost: not estimated, since the API does not answer." in text
    assert "### Dangerous" in text


def test_no_secret_is_shown_whatever_holds_it(tmp_path: Path) -> None:
    kubernetes_secret = {"stringData": {"password": WORD}}
    hidden = {"password": logs.SECRET, "nested": {"list": [logs.SECRET]}}
    steps = [
        logs.step("update", "a:b:C", "one", old=hidden, new=hidden, **logs.changed("password", "nested.list[0]")),
        # What the engine would hide; shown here in the clear, to see that nothing of a Secret gets through.
        logs.step("update", SECRET_TYPE, "two", old={}, new=kubernetes_secret, **logs.changed("stringData.password")),
        logs.step("create", SECRET_TYPE, "three", new=kubernetes_secret),
        logs.step("update", "pulumi:pulumi:Stack", "fleet-dev", old={}, new={"kubeconfigs": logs.SECRET}),
    ]
    text = text_on(tmp_path, {"preludeEvent": {"config": {"linode:token": "[secret]"}}}, *steps)
    assert WORD not in text
    assert "ciphertext" not in text
    assert "[secret]" not in text
    assert "one (`nested.list[0]`, `password`)" in text, "which property changes is no secret"


def test_what_cannot_be_known_yet_is_not_shown_as_a_value(tmp_path: Path) -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    change = logs.step("update", "a:b:C", "one", old={"ip": "1.2.3.4"}, new={"ip": unknown}, **logs.changed("ip"))
    text = text_on(tmp_path, change)
    assert unknown not in text
    assert "one (`ip`)" in text


def test_a_finding_cannot_break_out_of_its_cell_or_call_anybody(tmp_path: Path) -> None:
    text = text_on(tmp_path, logs.finding("advisory", "a | b\n\n# <b>@everyone</b> `x` ![](http://evil)"))
    (row,) = [line for line in text.splitlines() if line.startswith("| advisory")]
    assert row.replace("\\|", "").count("|") == 5, "four cells"
    assert "@everyone" not in row
    assert not {"<b>", "`x`", "![]("} & set(row.replace("\\<", "").split())


def test_an_error_cannot_end_its_block(tmp_path: Path) -> None:
    text = text_on(tmp_path, logs.error("one\n```\n# heading\n" + "line\n" * 500))
    assert text.count("```") == 2
    assert len(text.splitlines()) < 100, "a stack trace shall not fill the page"


def test_what_the_program_warns_of_is_told_and_what_a_provider_does_is_not(tmp_path: Path) -> None:
    stack = "urn:pulumi:dev::fleet::pulumi:pulumi:Stack::fleet-dev"
    told = "us: pool main has 5 nodes, and main gets 2"
    other = logs.warning("a provider's own", "urn:pulumi:dev::fleet::kubernetes:core/v1:Service::hello")
    for warning in (logs.warning(told), logs.warning(told, stack)):
        text = text_on(tmp_path, warning, other)
        assert f"- {told}" in text
        assert "a provider's own" not in text


def long_report(*, errors: tuple[str, ...] = ()) -> report.Report:
    findings = tuple(Finding(policy=f"policy-{number}", level="advisory", message="m" * 300) for number in range(900))
    return report.build(Plan(stack="dev", steps=(), findings=findings, errors=errors), PRICES)


@pytest.mark.parametrize("reports", [1, 2, 4, 30, 256])
def test_a_comment_is_never_longer_than_github_takes_however_many_reports_share_it(reports: int) -> None:
    found = long_report(errors=("line\n" * 100,))
    text = comment.for_pull_request(found, sharing=reports)
    assert len(text) * reports <= 65_536 - 500, "what posts the comment adds a line of its own"
    assert len(comment.markdown(found)) > len(text), "a terminal shows all of it"


def test_a_report_alone_has_a_comment_s_whole_room() -> None:
    assert len(comment.for_pull_request(long_report())) > 64_000


def test_a_cut_report_names_what_it_leaves_out() -> None:
    last = comment.for_pull_request(long_report(), sharing=4).splitlines()[-1]
    assert last.startswith("**Left out**, for want of room: the end of Guardrails; Cost")
    assert "make review STACK=dev" in last


def test_a_cut_through_a_block_of_code_ends_the_block() -> None:
    text = comment.for_pull_request(long_report(errors=("line\n" * 30,)), sharing=120)
    assert text.count("```") == 2


def test_a_terminal_shows_the_same_report(tmp_path: Path) -> None:
    text = text_on(tmp_path, upgrade(), logs.finding("mandatory", "two nodes are needed"))
    console = Console(width=200, record=True, file=StringIO())
    console.print(Markdown(text))
    shown = console.export_text()
    for words in ("Linode recycles every node of us", "two nodes are needed", "k8sVersion: 1.35 → 1.36"):
        assert words in shown


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "stops before"),
        ("{]", "no event log"),
        ('{"resourcePreEvent": {"metadata": {"op": "dance"}}}', "no event log"),
    ],
    ids=["empty", "no JSON", "an operation that is none"],
)
def test_a_file_that_is_no_finished_log_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "events.json"
    file.write_text(content)
    with pytest.raises(EventLogError, match=reason):
        read(file)


@pytest.mark.parametrize("ending", [[], [{"cancelEvent": {}}]], ids=["cut off", "never got under way"])
def test_a_log_without_a_sum_is_not_taken_for_a_harmless_change(tmp_path: Path, ending: list[dict[str, Any]]) -> None:
    with pytest.raises(EventLogError, match="stops before the engine summed up"):
        read(logs.written(tmp_path / "events.json", upgrade(), ending=ending))
    with pytest.raises(EventLogError, match="cannot be read"):
        read(tmp_path / "missing.json")


def test_a_plugin_that_ends_too_late_fails_no_preview_that_the_engine_calls_well(tmp_path: Path) -> None:
    late = logs.error("Detected that pulumi-resource-kubernetes exited prematurely.")
    well = logs.written(tmp_path / "events.json", ending=[logs.end()[0], late, logs.end()[1]])
    assert report.build(read(well), PRICES).blockers == ()
    failed = logs.written(tmp_path / "events.json", ending=[logs.end("failed")[0], late, logs.end()[1]])
    assert report.build(read(failed), PRICES).blockers == ("the preview failed",)
    before = logs.written(tmp_path / "events.json", late, ending=logs.end())
    assert report.build(read(before), PRICES).blockers == ("the preview failed",), (
        "an error that counts comes before the sum"
    )


def test_a_preview_that_failed_without_a_word_blocks_all_the_same(tmp_path: Path) -> None:
    failed = read(logs.written(tmp_path / "events.json", ending=logs.end("failed")))
    assert report.build(failed, PRICES).blockers == ("the preview failed",)
    refused = logs.written(tmp_path / "events.json", logs.finding("mandatory", "no"), ending=logs.end("failed"))
    assert report.build(read(refused), PRICES).blockers == ("1 mandatory guardrail finding",)
