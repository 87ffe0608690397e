"""What is taken for deployed after an update of some resources alone, on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.steps import errors
from tests.plugins.kubernetes.charts import write_chart
from tests.unit.configs import fleet_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_MESH: Final = """
    from pathlib import Path

    from cluster import *
    from fleet import charts, running, state
    from fleet.mesh.ca import MemberAuthority, MemberAuthorityArgs, RootAuthority, RootAuthorityArgs
    from fleet.config.certs import MeshCerts

    Path({found!r}).write_text(running.deployed(state.fetch(), {{}}).model_dump_json())
    member_provider = k8s.Provider("member", kubeconfig=config.require_secret("kubeconfig"), namespace=space,
                                   cluster_identifier="member", enable_secret_mutable=True)
    in_member = pulumi.ResourceOptions(provider=member_provider)
    certs = MeshCerts.model_validate({{"roots": config.require("roots").split(",")}})
    root = RootAuthority("mesh", RootAuthorityArgs(certs=certs))
    chart = charts.Chart(source={charts!r}, name={chart!r}, version=config.require("istio"))
    for member in ("m0", "m1"):
        authority = MemberAuthorityArgs(member=member, root=root, trusted_pem=root.trusted_pem)
        k8s.core.v1.Secret(
            f"{{member}}-istio-cacerts", metadata={{"name": f"{{member}}-cacerts"}}, opts=in_member,
            string_data=MemberAuthority(f"{{member}}-istio-ca", authority).secret_data)
        release = charts.ReleaseArgs(
            chart=chart, release_name=f"{{member}}-istiod", namespace=space, values={{}}, skip_await=True,
            notes_version=True)
        charts.release(f"{{member}}-istio-istiod", release, in_member)
"""


def test_an_update_of_some_resources_alone_makes_nothing_believed_of_the_others(
    kubernetes_stack: Stack, tmp_path: Path
) -> None:
    stack, file, chart = kubernetes_stack, tmp_path / "found.json", write_chart(tmp_path)
    stack.program(_MESH.format(found=str(file), charts=str(chart.parent), chart=chart.name))

    def next_finds() -> Deployed:
        stack.preview()
        return Deployed.model_validate_json(file.read_text())

    def refused(**config: object) -> list[str]:
        raw = fleet_of(2, **config)
        return [error.split(";")[0] for error in errors(parse(raw), next_finds())]

    stack.config("roots", "root")
    stack.config("istio", "1.30.4")
    stack.up()
    assert next_finds().versions.istio == {"m0": "1.30.4", "m1": "1.30.4"}, "of charts in a folder, whose own says 0.1"

    stack.config("roots", "root,next")
    stack.config("istio", "1.31.0")
    stack.up("--target", "**::m0-istio-istiod")
    found = next_finds()
    assert found.versions.istio == {"m0": "1.31.0", "m1": "1.30.4"}
    assert found.mesh_roots is not None
    assert found.mesh_roots.trusted == ("root",)
    switched = {"mesh": {"roots": ["root", "next"], "signing": "next"}}
    assert refused(certs=switched) == ["certs.mesh.signing: 'next' is not trusted by the members yet"]

    stack.up()
    found = next_finds()
    assert found.versions.istio == {"m0": "1.31.0", "m1": "1.31.0"}
    assert refused(certs=switched) == []
