"""Helm releases, driven by the real engine with a real helm on a real API server."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.toolchain import tool_path
from tests.plugins.kubernetes.charts import write_chart

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.plugins.kubernetes.cluster import Cluster
    from tests.plugins.engine import Stack
    from tests.plugins.kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.engine

_HIDDEN = "a-password-that-nobody-may-see"
_ALSO_HIDDEN = "another-password-to-hide"
_SECRET, _CONFIG_MAP = Kind("", "v1", "Secret"), Kind("", "v1", "ConfigMap")

_PROGRAM = """
    from cluster import *

    app = k8s.helm.v3.Release(
        "app", chart={chart!r}, timeout={timeout}, name=config.get("name"), opts=on_cluster,
        value_yaml_files=[pulumi.StringAsset("greeting: from a file\\nimage: fine")],
        values={{"password": config.require_secret("password"),
                 **(config.get_object("values") or {{}})}})
    pulumi.export("status", app.status)
    pulumi.export("names", app.resource_names)
"""

_PATCHED = """
    from cluster import *

    app = k8s.helm.v3.Release(
        "app", chart={chart!r}, name="app", values={{"image": config.get("image") or "fine"}}, opts=on_cluster)
    if generation := config.get("generation"):
        k8s.apps.v1.DeploymentPatch(
            "restart", metadata={{"name": "app", "namespace": space}},
            spec={{"template": {{"metadata": {{"annotations": {{"generation": generation}}}}}}}},
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[app]))
"""


def test_a_release_lives_and_dies_with_its_stack(
    kubernetes_stack: Stack, cluster: Cluster, control_plane: ControlPlane, space: str, tmp_path: Path
) -> None:
    stack = kubernetes_stack
    chart = write_chart(tmp_path)
    stack.program(_PROGRAM.format(chart=str(chart), timeout=30))
    stack.secret_config("password", _HIDDEN)

    preview = stack.preview()
    assert preview.operations == {"app": ["create"]}
    assert preview.planned("app")["version"] == "1.2.3"

    created = stack.up()
    name = stack.outputs["status"]["name"]
    assert name.startswith("app-")
    assert stack.outputs["status"] == {
        "appVersion": "9.9",
        "chart": "tiny",
        "name": name,
        "namespace": space,
        "revision": 1,
        "status": "deployed",
        "version": "1.2.3",
    }
    assert stack.outputs["names"] == {kind: [name] for kind in ("ConfigMap/v1", "Deployment.apps/apps/v1", "Secret/v1")}
    assert [one["data"]["greeting"] for one in cluster.list_objects(_CONFIG_MAP, space)] == ["from a file"]
    assert [one["metadata"]["name"] for one in cluster.list_objects(Kind("batch", "v1", "Job"), space)] == [
        f"{name}-hook"
    ], "hooks run"
    assert _password(cluster, space) == _HIDDEN
    for place in (stack.stored_text, created.output, preview.output, str(created.events)):
        assert _HIDDEN not in place

    assert stack.up().operations == {"app": ["same"]}

    stack.secret_config("password", _ALSO_HIDDEN)
    upgraded = stack.up()
    assert upgraded.diff("app") == {"values.password": "update"}
    assert _password(cluster, space) == _ALSO_HIDDEN
    assert _ALSO_HIDDEN not in upgraded.output + stack.stored_text

    template = chart / "templates" / "objects.yaml"
    template.write_text(template.read_text().replace("greeting: {{", "hello: {{"))
    assert stack.up().diff("app") == {"checksum": "update"}, "a changed chart needs no new version to be noticed"
    assert cluster.list_objects(_CONFIG_MAP, space)[0]["data"] == {"hello": "from a file"}

    _helm(control_plane, tmp_path, space, "upgrade", name, str(chart), "--reuse-values", "--set", "greeting=by hand")
    stack.refresh()
    mended = stack.up()
    assert mended.diff("app") == {"values.greeting": "update"}
    assert cluster.list_objects(_CONFIG_MAP, space)[0]["data"] == {"hello": "from a file"}

    stack.destroy()
    assert cluster.list_objects(_SECRET, space) == []
    assert cluster.list_objects(Kind("apps", "v1", "Deployment"), space) == []


def test_what_a_patch_adds_to_a_releases_pods_outlives_updates_of_the_release(
    kubernetes_stack: Stack, cluster: Cluster, space: str, tmp_path: Path
) -> None:
    stack = kubernetes_stack
    stack.program(_PATCHED.format(chart=str(write_chart(tmp_path))))
    stack.up()
    assert _template(cluster, space) == ({}, "fine")

    stack.config("generation", "2")
    assert stack.up().operations == {"app": ["same"], "restart": ["create"]}
    assert _template(cluster, space) == ({"generation": "2"}, "fine")

    stack.config("image", "finer")
    assert stack.up().operations == {"app": ["update"], "restart": ["same"]}
    assert _template(cluster, space) == ({"generation": "2"}, "finer"), "Helm changes what its chart says, and no more"

    stack.config("generation", "3")
    assert stack.up().diff("restart") == {"spec.template.metadata.annotations.generation": "update"}
    assert _template(cluster, space) == ({"generation": "3"}, "finer")

    stack.config("generation", "")
    assert stack.up().operations == {"app": ["same"], "restart": ["delete"]}
    assert _template(cluster, space) == ({}, "finer")


def test_a_first_install_that_fails_is_explained_recorded_and_continued(
    kubernetes_stack: Stack, cluster: Cluster, space: str, tmp_path: Path
) -> None:
    stack = kubernetes_stack
    stack.program(_PROGRAM.format(chart=str(write_chart(tmp_path)), timeout=4))
    stack.secret_config("password", _HIDDEN)
    stack.config("name", "app")
    stack.config("values", '{"image": "broken"}')
    failed = stack.failing_up()
    errors = "\n".join(failed.errors)
    assert f"Helm release {space}/app was created, but failed" in errors
    assert '[ImagePullBackOff] Back-off pulling image "broken"' in errors
    assert _HIDDEN not in failed.output
    assert stack.resources["app"]["outputs"]["status"]["status"] == "failed"

    stack.config("values", '{"image": "fine"}')
    assert stack.up().operations == {"app": ["update"]}
    assert stack.outputs["status"]["status"] == "deployed"

    stack.destroy()
    stack.config("values", '{"hookImage": "failing"}')
    errors = "\n".join(stack.failing_up().errors)
    assert "Job app-hook" in errors
    assert "BackoffLimitExceeded" in errors


def test_an_atomic_install_that_fails_leaves_nothing(
    kubernetes_stack: Stack, cluster: Cluster, space: str, tmp_path: Path
) -> None:
    stack = kubernetes_stack
    stack.program(_PROGRAM.format(chart=str(write_chart(tmp_path)), timeout="3, atomic=True"))
    stack.secret_config("password", _HIDDEN)
    stack.config("values", '{"image": "broken"}')
    failed = stack.failing_up()
    assert "has been uninstalled due to atomic being set" in "\n".join(failed.errors)
    assert stack.resources == {}
    assert cluster.list_objects(_CONFIG_MAP, space) == []


def test_an_existing_release_is_adopted_by_import(
    kubernetes_stack: Stack, control_plane: ControlPlane, space: str, tmp_path: Path
) -> None:
    stack = kubernetes_stack
    chart = write_chart(tmp_path)
    _helm(control_plane, tmp_path, space, "install", "there", str(chart), "--set", "greeting=hi")
    program = """
        from cluster import *
        k8s.helm.v3.Release("app", chart={chart!r}, name="there", values={{"greeting": "hi"}},
                            opts=pulumi.ResourceOptions(provider=provider{more}))
    """
    stack.program(program.format(chart=str(chart), more=""))
    errors = "\n".join(stack.failing_up().errors)
    assert "a release of that name exists already" in errors
    assert stack.resources == {}

    assert stack.command(
        "import",
        "kubernetes:helm.sh/v3:Release",
        "app",
        f"{space}/there",
        "--yes",
        "--protect=false",
        "--generate-code=false",
        *_provider(stack),
    )
    adopted = stack.resources["app"]
    assert adopted["inputs"]["values"] == {"greeting": "hi"}
    assert adopted["outputs"]["status"]["revision"] == 1


def test_a_chart_that_cannot_be_had_fails_the_preview_once_all_else_is_known(kubernetes_stack: Stack) -> None:
    stack = kubernetes_stack
    program = """
        from cluster import *
        import pulumi_random as random

        ring = random.RandomId("ring", byte_length=4)
        k8s.helm.v3.Release("far", chart="tiny", version="1.2.3", values={{"ring": {ring}}}, opts=on_cluster,
                            repository_opts={{"repo": "http://127.0.0.1:9/charts", "password": "{hidden}"}})
    """
    stack.program(program.format(hidden=_HIDDEN, ring="ring.hex"))
    assert stack.preview().operations == {"ring": ["create"], "far": ["create"]}

    stack.program(program.format(hidden=_HIDDEN, ring="1"))
    failed = stack.failing_operation("preview")
    assert "http://127.0.0.1:9/charts" in "\n".join(failed.errors)
    assert _HIDDEN not in failed.output


def _password(cluster: Cluster, space: str) -> str:
    mine = [one for one in cluster.list_objects(_SECRET, space) if one["type"] == "Opaque"]
    assert len(mine) == 1
    return base64.b64decode(mine[0]["data"]["password"]).decode()


def _template(cluster: Cluster, space: str) -> tuple[dict[str, str], str]:
    """Annotations and image of the pods of the only Deployment."""
    [deployment] = cluster.list_objects(Kind("apps", "v1", "Deployment"), space)
    template = deployment["spec"]["template"]
    return template["metadata"].get("annotations", {}), template["spec"]["containers"][0]["image"]


def _helm(control_plane: ControlPlane, folder: Path, space: str, *arguments: str) -> None:
    """What a person does to a release by hand."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(control_plane.kubeconfig)
    place = ["--kubeconfig", str(kubeconfig), "--namespace", space]
    subprocess.run([str(tool_path("helm")), *arguments, *place], check=True, capture_output=True)


def _provider(stack: Stack) -> list[str]:
    return ["--provider", "provider=urn:pulumi:test::test::pulumi:providers:kubernetes::cluster"]
