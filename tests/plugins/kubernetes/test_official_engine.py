"""The official Kubernetes provider as the sandbox gives it to the engine, on a real API server."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from kubernetes import client

from tests.plugins.kubernetes.charts import repository, write_chart

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_LIMIT: Final = 60.0

_MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: from-yaml}
data: {greeting: from a manifest}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""

_ADDED = """
    from cluster import *

    many = pulumi.ResourceOptions(providers=[provider])
    k8s.helm.v4.Chart("chart", chart={chart!r}, namespace=space, values={{"greeting": "from a chart"}}, opts=many)
    k8s.yaml.v2.ConfigGroup("group", files=[{manifest!r}], opts=many)
    k8s.policy.v1.PodDisruptionBudget("budget", opts=on_cluster, metadata={{"name": "budget"}}, spec={{
        "min_available": 1, "selector": {{"match_labels": {{"app": "web"}}}}}})
"""

_SUBMITTED = """
    from cluster import *
    from fleet.karmada import replicas

    labels = {"app": "hello"}
    main = {"name": "main", "image": config.require("image")}
    wait = replicas.ReplicasWait("hello-ready", "hello", space)
    made = k8s.apps.v1.Deployment(
        "hello", metadata={"name": "hello", "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={"replicas": 3, "selector": {"match_labels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [main]}}},
        opts=pulumi.ResourceOptions(provider=provider, hooks=wait.hooks))
    wait.begin(made, config.require_secret("kubeconfig"))
"""

_PATCHED = """
    from cluster import *

    skip_await = {{"pulumi.com/skipAwait": "true"}}
    app = k8s.helm.v3.Release(
        "app", chart={chart!r}, name="app", values={{"image": config.get("image") or "fine"}}, skip_await=True,
        opts=on_cluster)
    if generation := config.get("generation"):
        k8s.apps.v1.DeploymentPatch(
            "restart", metadata={{"name": "app", "namespace": space, "annotations": skip_await}},
            spec={{"template": {{"metadata": {{"annotations": {{"generation": generation}}}}}}}},
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[app]))
"""

_MOVED = """
    from cluster import *

    k8s.helm.v3.Release(
        "app", chart="tiny", version="1.2.3", name="app",
        repository_opts={"repo": config.require("repository")}, opts=on_cluster)
"""

_ABOUT = """
    from cluster import *

    kubeconfig = config.require_secret("kubeconfig")
    own = k8s.Provider("own", kubeconfig=kubeconfig, namespace=space, cluster_identifier="own",
                       enable_secret_mutable=True)
    other = k8s.Provider("other", kubeconfig=kubeconfig, namespace=space,
                         cluster_identifier=config.get("other") or "first")
    k8s.core.v1.Secret("about", metadata={"name": "about"}, string_data={"token": config.get("token") or "1"},
                       opts=pulumi.ResourceOptions(provider=own, replace_with=[other], delete_before_replace=True))
"""


def test_what_a_user_adds_to_the_program_works_whatever_its_kind(
    kubernetes_stack: Stack, api: client.ApiClient, space: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(_MANIFEST)
    kubernetes_stack.program(_ADDED.format(chart=str(write_chart(tmp_path)), manifest=str(manifest)))
    assert "closed" in str(kubernetes_stack.preview().operations)
    created = kubernetes_stack.up()
    assert created.warnings == []
    core, policies = client.CoreV1Api(api), client.PolicyV1Api(api)
    greetings = {(one.data or {})["greeting"] for one in core.list_namespaced_config_map(space).items}
    assert greetings == {"from a chart", "from a manifest"}
    assert len(client.NetworkingV1Api(api).list_namespaced_network_policy(space).items) == 1
    assert len(policies.list_namespaced_pod_disruption_budget(space).items) == 1
    again = kubernetes_stack.up().operations
    # The chart's objects have one name for two kinds.
    assert {operation for operations in again.values() for operation in operations} == {"same"}
    kubernetes_stack.destroy()
    assert core.list_namespaced_config_map(space).items == []


def test_an_update_waits_for_the_replicas_that_it_submitted_and_leaves_no_drift(
    kubernetes_stack: Stack, api: client.ApiClient, space: str
) -> None:
    apps = client.AppsV1Api(api)
    kubernetes_stack.program(_SUBMITTED)
    for generation, image in enumerate(("one", "two"), start=1):
        kubernetes_stack.config("image", image)
        running = kubernetes_stack.start("up", "--skip-preview")
        _until(lambda image=image: image in str(apps.list_namespaced_deployment(space).items))  # type: ignore[misc]
        time.sleep(3)
        assert running.running, "it ended before any replica was ready"
        status = {"observedGeneration": generation, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}
        apps.patch_namespaced_deployment_status("hello", space, {"status": status})
        assert running.result().status == 0
    apps.patch_namespaced_deployment_status("hello", space, {"status": {"readyReplicas": 2}})
    assert {operation for done in kubernetes_stack.up().operations.values() for operation in done} == {"same"}, (
        "what an update leaves alone is not waited for"
    )
    apps.patch_namespaced_deployment_status("hello", space, {"status": {"readyReplicas": 3}})
    kubernetes_stack.operation("preview", "--refresh", "--expect-no-changes")


def test_what_a_patch_adds_to_a_releases_pods_outlives_updates_of_the_release(
    kubernetes_stack: Stack, api: client.ApiClient, space: str, tmp_path: Path
) -> None:
    stack = kubernetes_stack
    stack.program(_PATCHED.format(chart=str(write_chart(tmp_path))))
    stack.up()
    assert _template(api, space) == (None, "fine")

    stack.config("generation", "2")
    assert stack.up().operations == {"app": ["same"], "restart": ["create"]}
    assert _template(api, space) == ({"generation": "2"}, "fine")

    stack.config("image", "finer")
    assert stack.up().operations == {"app": ["update"], "restart": ["same"]}
    assert _template(api, space) == ({"generation": "2"}, "finer"), "Helm changes what its chart says, and no more"

    stack.config("generation", "3")
    assert stack.up().diff("restart") == {"spec.template.metadata.annotations.generation": "update"}
    assert _template(api, space) == ({"generation": "3"}, "finer")

    stack.config("generation", "")
    assert stack.up().operations == {"app": ["same"], "restart": ["delete"]}
    assert _template(api, space) == (None, "finer")


def test_a_release_whose_chart_moved_to_another_repository_is_updated_and_not_replaced(
    kubernetes_stack: Stack, api: client.ApiClient, space: str, tmp_path: Path
) -> None:
    stack, core = kubernetes_stack, client.CoreV1Api(api)
    stack.program(_MOVED)
    with repository(write_chart(tmp_path)) as address:
        stack.config("repository", f"{address}/former")
        stack.up()
        before: Any = core.read_namespaced_config_map("app", space)
        stack.config("repository", f"{address}/now")
        planned = stack.preview()
        assert planned.operations == {"app": ["update"]}
        assert set(planned.diff("app")) == {"repositoryOpts.repo"}
        assert stack.up().operations == {"app": ["update"]}
        assert stack.up().operations == {"app": ["same"]}
    after: Any = core.read_namespaced_config_map("app", space)
    assert after.metadata.uid == before.metadata.uid


def test_an_object_goes_and_comes_with_the_cluster_that_it_tells_of(
    kubernetes_stack: Stack, api: client.ApiClient, space: str
) -> None:
    stack, core = kubernetes_stack, client.CoreV1Api(api)

    def about() -> tuple[str, str]:
        found: Any = core.read_namespaced_secret("about", space)
        return found.metadata.uid, base64.b64decode(found.data["token"]).decode()

    stack.program(_ABOUT)
    stack.up()
    first, _ = about()

    stack.config("token", "2")
    assert stack.up().operations["about"] == ["update"]
    assert about() == (first, "2"), "what it says changes in place"

    stack.config("other", "second")
    replaced = stack.up()
    assert replaced.operations["about"] == ["delete-replaced", "replace", "create-replacement"]
    assert about()[0] != first


def _template(api: client.ApiClient, space: str) -> tuple[dict[str, str] | None, str]:
    """Annotations and image of the pods of the only Deployment."""
    found: Any = client.AppsV1Api(api).list_namespaced_deployment(space).items
    (deployment,) = found
    return deployment.spec.template.metadata.annotations, deployment.spec.template.spec.containers[0].image


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not come to be in {_LIMIT:.0f} s")
        time.sleep(0.1)
