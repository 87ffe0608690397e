"""Claims about where charts come from, and how values are merged."""

import pytest

from fleet.charts import Chart, locate, merged
from fleet.versions import CHARTS
from tests.unit.configs import fleet_of
from tests.unit.graph import build, built


@pytest.mark.parametrize(
    ("source", "located"),
    [
        ("https://charts.example/istio", ("istiod", "https://charts.example/istio", "1.31.0")),
        ("oci://registry.example/charts/", ("oci://registry.example/charts/istiod", None, "1.31.0")),
        ("/srv/charts/istio/", ("/srv/charts/istio/istiod", None, None)),
    ],
)
def test_a_chart_is_found_by_repository_registry_or_folder(source: str, located: tuple[str, str, str]) -> None:
    assert locate(Chart(source=source, name="istiod", version="1.31.0")) == located


def test_every_release_is_of_a_pinned_chart() -> None:
    pinned = {(pin.repository, pin.name, pin.version) for pin in CHARTS}
    inputs = [node.plain() for node in built(fleet_of(1)).of_type("kubernetes:helm.sh/v3:Release")]
    assert {(it["repositoryOpts"]["repo"], it["chart"], it["version"]) for it in inputs} == pinned


def test_istio_comes_from_where_it_is_published_since_1_31() -> None:
    istiod = built(fleet_of(1)).one("kubernetes:helm.sh/v3:Release", "m0-istio-istiod").plain()
    assert istiod["repositoryOpts"]["repo"] == "https://blob.istio.io/istio-release/charts"
    assert istiod["values"]["global"]["hub"] == "docker.io/istio", "whatever the chart's own default is"


def test_a_mirror_of_istios_images_is_named_by_whoever_has_one() -> None:
    graph = build(fleet_of(1, mesh={"istiodValues": {"global": {"hub": "mirror.example/istio"}}}))
    assert graph.one("kubernetes:helm.sh/v3:Release", "m0-istio-istiod").plain()["values"]["global"]["hub"] == (
        "mirror.example/istio"
    )


def test_a_release_that_fails_takes_back_what_it_added() -> None:
    releases = built(fleet_of(1)).of_type("kubernetes:helm.sh/v3:Release")
    assert len(releases) == 5
    assert all(node.plain()["cleanupOnFail"] is True for node in releases), "the next update would meet half of it"


def test_charts_can_come_from_a_mirror() -> None:
    graph = build(fleet_of(1, charts={"karmada": "/mirror/karmada", "istio": "oci://mirror.example/istio"}))
    charts = {node.plain()["chart"] for node in graph.of_type("kubernetes:helm.sh/v3:Release")}
    assert charts == {
        "/mirror/karmada/karmada",
        "oci://mirror.example/istio/base",
        "oci://mirror.example/istio/istiod",
        "oci://mirror.example/istio/gateway",
    }


def test_values_merge_map_by_map_and_replace_the_rest() -> None:
    base = {"a": {"b": 1, "c": [1]}, "d": 1}
    assert merged(base, {"a": {"c": [2]}, "d": {"e": 2}}) == {"a": {"b": 1, "c": [2]}, "d": {"e": 2}}
    assert base == {"a": {"b": 1, "c": [1]}, "d": 1}, "the chart's own values stay as they are"
