"""Objects of any kind, driven by the real engine on a real API server."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from sandbox.plugins.kubernetes.cluster import Conflicts, Effect
from sandbox.plugins.kubernetes.kinds import Kind
from tests.plugins.kubernetes.conftest import until
from tests.plugins.kubernetes.controllers import LOAD_BALANCER_ADDRESS

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.cluster import Cluster
    from sandbox.plugins.kubernetes.objects import Object
    from tests.plugins.engine import Stack
    from tests.plugins.kubernetes.controllers import Controllers

pytestmark = pytest.mark.engine

_HIDDEN = "a-token-that-nobody-may-see"

_MANY = """
    from cluster import *

    secret = config.require_secret("token")
    count = config.get_int("replicas") or 1
    reader = config.get("reader") or "reader"
    app = {"app": config.get("app") or "web"}

    own = k8s.core.v1.Namespace("own", opts=on_cluster)
    account = k8s.core.v1.ServiceAccount("account", opts=on_cluster)
    for name in ("reader", "writer"):
        k8s.rbac.v1.Role(name, metadata={"name": name}, opts=on_cluster,
                         rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}])
    k8s.rbac.v1.RoleBinding(
        "binding", metadata={"name": "binding"}, opts=on_cluster,
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": reader},
        subjects=[{"kind": "ServiceAccount", "name": account.metadata.name, "namespace": space}])
    token = k8s.core.v1.Secret("token", string_data={"token": secret}, opts=on_cluster)
    settings = k8s.core.v1.ConfigMap("settings", data={"level": config.get("level") or "1"}, opts=on_cluster)
    web = k8s.apps.v1.Deployment("web", metadata={"name": "web"}, opts=on_cluster, spec={
        "replicas": count, "selector": {"match_labels": app},
        "template": {"metadata": {"labels": app},
                     "spec": {"containers": [{"name": "main", "image": "fine",
                                              "env": [{"name": "TOKEN", "value": secret}],
                                              "resources": {"requests": {"cpu": "0.5"}}}]}}})
    front = k8s.core.v1.Service("front", metadata={"name": "front"}, opts=on_cluster,
                                spec={"type": "LoadBalancer", "selector": app, "ports": [{"port": 80}]})
    k8s.batch.v1.Job("job", opts=on_cluster, spec={"template": {"spec": {
        "restart_policy": "Never", "containers": [{"name": "main", "image": "fine"}]}}})
    k8s.apiextensions.v1.CustomResourceDefinition(
        "gadgets", metadata={"name": "gadgets.example.com"}, opts=on_cluster,
        spec={"group": "example.com", "scope": "Cluster",
              "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
              "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                  "open_apiv3_schema": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}}]})
    # Not after the definition: what is not there yet is waited for.
    k8s.apiextensions.CustomResource("gadget", api_version="example.com/v1", kind="Gadget",
                                     spec={"size": 3, "weight": 0.5}, opts=on_cluster)
    pulumi.export("address", front.status.load_balancer.ingress[0].ip)
    pulumi.export("available", web.status.available_replicas)
"""


def test_objects_of_many_kinds_live_and_die_with_their_stack(
    kubernetes_stack: Stack, cluster: Cluster, controllers: Controllers, space: str
) -> None:
    stack = kubernetes_stack
    gadget = Kind("example.com", "v1", "Gadget")
    controllers.look_after(gadget)
    stack.program(_MANY)
    stack.secret_config("token", _HIDDEN)

    preview = stack.preview()
    assert set(map(tuple, preview.operations.values())) == {("create",)}
    assert preview.planned("web")["spec"]["strategy"]["type"] == "RollingUpdate", "a dry run tells the defaults"

    created = stack.up()
    assert stack.outputs == {"address": LOAD_BALANCER_ADDRESS, "available": 1}
    live = cluster.list_objects(Kind("", "v1", "Secret"), space)
    assert [base64.b64decode(one["data"]["token"]).decode() for one in live] == [_HIDDEN]
    assert [one["spec"] for one in cluster.list_objects(gadget)] == [{"size": 3, "weight": 0.5}]
    encoded = base64.b64encode(_HIDDEN.encode()).decode()
    for place in (stack.stored_text, created.output, preview.output, str(created.events)):
        assert _HIDDEN not in place
        assert encoded not in place

    assert set(map(tuple, stack.up().operations.values())) == {("same",)}

    for key, value in (("replicas", "2"), ("reader", "writer"), ("level", "2"), ("app", "site")):
        stack.config(key, value)
    changed = stack.up()
    assert changed.operations["settings"] == ["create-replacement", "replace", "delete-replaced"]
    assert changed.diff("settings") == {"data.level": "update-replace"}
    assert changed.operations["binding"] == ["delete-replaced", "replace", "create-replacement"], "its name is fixed"
    assert changed.diff("binding") == {"roleRef.name": "update-replace"}
    assert changed.diff("web")["spec.selector.matchLabels.app"] == "update-replace"
    assert changed.diff("front") == {"spec.selector.app": "update"}
    assert changed.operations["token"] == ["same"]
    assert stack.outputs["available"] == 2

    stack.destroy()
    for kind in ("ConfigMap", "Secret", "Service", "ServiceAccount"):
        assert cluster.list_objects(Kind("", "v1", kind), space) == []


def test_what_drifts_is_seen_by_a_refresh_and_mended(kubernetes_stack: Stack, cluster: Cluster, space: str) -> None:
    stack = kubernetes_stack
    stack.program("""
        from cluster import *
        k8s.core.v1.Secret("token", metadata={"name": "token"}, string_data={"token": "right"}, opts=on_cluster)
        k8s.core.v1.ServiceAccount("account", metadata={"name": "account", "labels": {"tier": "one"}}, opts=on_cluster)
        k8s.core.v1.ConfigMap("gone", metadata={"name": "gone"}, data={"a": "1"}, opts=on_cluster)
    """)
    stack.up()
    account = _object("v1", "ServiceAccount", "account", space)
    _edit(cluster, _labelled(account, tier="two"))
    _apply(cluster, _labelled(account, other="x"))
    _edit(cluster, {**_object("v1", "Secret", "token", space), "data": {"token": base64.b64encode(b"wrong").decode()}})
    cluster.delete(_object("v1", "ConfigMap", "gone", space), propagation="Background")

    stack.refresh()
    assert "gone" not in stack.resources
    assert stack.resources["account"]["inputs"]["metadata"]["labels"] == {"tier": "two"}, "what others add is theirs"

    mended = stack.up()
    assert mended.operations["gone"] == ["create"]
    assert mended.diff("account") == {"metadata.labels.tier": "update"}
    assert cluster.get(account)["metadata"]["labels"] == {"tier": "one", "other": "x"}
    assert mended.diff("token") == {"stringData.token": "update-replace"}
    live = cluster.get(_object("v1", "Secret", "token", space))
    assert base64.b64decode(live["data"]["token"]) == b"right"
    assert set(map(tuple, stack.up().operations.values())) == {("same",)}


def test_a_rollout_that_fails_is_explained_recorded_and_continued(kubernetes_stack: Stack, cluster: Cluster) -> None:
    stack = kubernetes_stack
    stack.program("""
        from cluster import *
        k8s.apps.v1.Deployment("web", metadata={"name": "web"}, spec={
            "selector": {"match_labels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [{"name": "main", "image": config.require("image")}]}}},
            opts=pulumi.ResourceOptions(provider=provider, custom_timeouts={"create": "2s", "update": "20s"}))
        k8s.batch.v1.Job("job", metadata={"name": "job", "annotations": {"pulumi.com/replaceUnready": "true"}},
            spec={"template": {"spec": {
            "restart_policy": "Never", "containers": [{"name": "main", "image": config.require("job")}]}}},
            opts=on_cluster)
    """)
    stack.config("image", "broken")
    stack.config("job", "failing")
    failed = stack.failing_up("--continue-on-error")
    errors = "\n".join(failed.errors)
    assert "'web' timed out waiting to be Ready" in errors
    assert "[Pod" in errors
    assert '[ImagePullBackOff] Back-off pulling image "broken"' in errors
    assert "[BackoffLimitExceeded] Job has reached the specified backoff limit" in errors
    assert set(stack.resources) == {"web", "job"}, "what exists is recorded although it failed"

    stack.config("image", "fine")
    continued = stack.failing_up("--continue-on-error")
    assert continued.operations["web"] == ["update"]
    assert continued.operations["job"] == ["delete-replaced", "replace", "create-replacement"], "replaceUnready"

    stack.config("job", "fine")
    stack.up()
    assert set(map(tuple, stack.up().operations.values())) == {("same",)}


def test_an_interrupted_wait_leaves_the_object_to_the_next_update(
    kubernetes_stack: Stack, cluster: Cluster, controllers: Controllers, space: str
) -> None:
    stack = kubernetes_stack
    stack.program("""
        from cluster import *
        k8s.core.v1.ConfigMap("slow", data={"phase": config.get("phase") or "young"}, metadata={
            "name": "slow", "annotations": {"pulumi.com/waitFor": json.dumps(
                ["jsonpath={.metadata.labels.phase}=grown", "jsonpath={.data.phase}"])}},
            opts=on_cluster)
    """)
    running = stack.start("up", "--skip-preview")
    wanted = _object("v1", "ConfigMap", "slow", space)
    until(lambda: bool(cluster.list_objects(Kind("", "v1", "ConfigMap"), space)))
    running.interrupt()
    stopped = running.result()
    assert stopped.status != 0
    assert "Waiting for {.metadata.labels.phase}=grown (nothing there)" in stopped.output
    assert "slow" in stack.resources

    _apply(cluster, _labelled(wanted, phase="grown"))
    assert stack.up().operations == {"slow": ["update"]}


def test_a_patch_takes_its_fields_and_gives_them_back(kubernetes_stack: Stack, cluster: Cluster, space: str) -> None:
    stack = kubernetes_stack
    stack.program("""
        from cluster import *
        annotations = {"pulumi.com/patchForce": "true"} if config.get_bool("force") else {}
        k8s.core.v1.NamespacePatch("labels", metadata={
            "name": space, "labels": {"fleet": config.get("fleet") or "a", "owner": "pulumi"},
            "annotations": annotations}, opts=on_cluster)
        k8s.apiextensions.CustomResourcePatch(
            "role", api_version="rbac.authorization.k8s.io/v1", kind="Role",
            metadata={"name": "robot", "labels": {"fleet": "a"}}, opts=on_cluster)
    """)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    _apply(cluster, _labelled(namespace, owner="someone"))
    robot = _object("rbac.authorization.k8s.io/v1", "Role", "robot", space)
    cluster.create(robot, field_manager="someone", effect=Effect.KEPT)

    refused = stack.failing_up()
    errors = "\n".join(refused.errors)
    assert 'conflict with "someone"' in errors
    assert ".metadata.labels.owner" in errors
    assert "set the annotation pulumi.com/patchForce to true" in errors

    stack.config("force", "true")
    stack.up()
    assert (
        cluster.get(namespace)["metadata"]["labels"] | {"owner": "pulumi", "fleet": "a"}
        == (cluster.get(namespace)["metadata"]["labels"])
    )
    stack.config("fleet", "b")
    assert stack.up().diff("labels") == {"metadata.labels.fleet": "update"}
    assert cluster.get(namespace)["metadata"]["labels"]["fleet"] == "b"

    stack.destroy()
    assert "fleet" not in cluster.get(namespace)["metadata"]["labels"]
    assert "labels" not in cluster.get(robot)["metadata"]


def test_an_object_goes_and_comes_with_the_cluster_that_it_tells_of(
    kubernetes_stack: Stack, cluster: Cluster, space: str
) -> None:
    stack = kubernetes_stack
    stack.program("""
        from cluster import *
        kubeconfig = config.require_secret("kubeconfig")
        own = k8s.Provider("own", kubeconfig=kubeconfig, namespace=space, cluster_identifier="own",
                           enable_secret_mutable=True)
        other = k8s.Provider("other", kubeconfig=kubeconfig, namespace=space,
                             cluster_identifier=config.get("other") or "first")
        k8s.core.v1.Secret("about", metadata={"name": "about"}, string_data={"token": config.get("token") or "1"},
                           opts=pulumi.ResourceOptions(
                               provider=own, replace_with=[other], delete_before_replace=True))
    """)
    about = _object("v1", "Secret", "about", space)
    stack.up()
    first = cluster.get(about)["metadata"]["uid"]

    stack.config("token", "2")
    assert stack.up().operations["about"] == ["update"]
    assert cluster.get(about)["metadata"]["uid"] == first, "what it says changes in place"
    assert base64.b64decode(cluster.get(about)["data"]["token"]) == b"2"

    stack.config("other", "second")
    replaced = stack.up()
    assert replaced.operations["about"] == ["delete-replaced", "replace", "create-replacement"]
    assert cluster.get(about)["metadata"]["uid"] != first


def test_existing_objects_are_read_adopted_or_left_alone(kubernetes_stack: Stack, cluster: Cluster, space: str) -> None:
    stack = kubernetes_stack
    settings = {**_object("v1", "ConfigMap", "settings", space), "data": {"a": "1"}}
    cluster.create(settings, field_manager="kubectl-create", effect=Effect.KEPT)
    service = {**_object("v1", "Service", "there", space), "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    cluster.create(service, field_manager="someone", effect=Effect.KEPT)
    program = """
        from cluster import *
        there = k8s.core.v1.Service.get("there", f"{{space}}/there", opts=on_cluster)
        pulumi.export("port", there.spec.ports[0].port)
        k8s.core.v1.ConfigMap("settings", metadata={{"name": "settings", "namespace": space}}, data={data},
                              opts=pulumi.ResourceOptions(provider=provider{more}))
    """
    stack.program(program.format(data={"a": "1"}, more=""))
    errors = "\n".join(stack.failing_up().errors)
    assert 'configmaps "settings" already exists' in errors
    assert "pulumi import" in errors

    stack.program(program.format(data={"a": "1"}, more=", import_=f'{space}/settings'"))
    assert stack.up().operations["settings"] == ["import"]
    assert stack.outputs == {"port": 80}
    stack.program(program.format(data={"a": "1"}, more=""))
    assert stack.up().operations["settings"] == ["same"]

    stack.destroy()
    assert cluster.get(service)["metadata"]["name"] == "there", "what was only read stays"


def test_deletion_waits_for_finalizers_and_says_so(kubernetes_stack: Stack, cluster: Cluster, space: str) -> None:
    stack = kubernetes_stack
    stack.program("""
        from cluster import *
        k8s.core.v1.ConfigMap("held", metadata={"name": "held", "finalizers": ["example.com/hold"]},
                              opts=pulumi.ResourceOptions(provider=provider, custom_timeouts={"delete": "1s"}))
    """)
    stack.up()
    failed = stack.failing_operation("destroy", "--skip-preview")
    assert "finalizers might be preventing deletion (example.com/hold)" in "\n".join(failed.errors)
    held = _object("v1", "ConfigMap", "held", space)
    cluster.json_patch(held, [{"op": "remove", "path": "/metadata/finalizers"}])
    stack.destroy()
    assert stack.resources == {}


def _object(api_version: str, kind: str, name: str, space: str) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": space}}


def _labelled(obj: Object, **labels: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def _apply(cluster: Cluster, obj: Object) -> None:
    """Set fields as another controller would, which then owns them."""
    cluster.apply(obj, field_manager="someone", conflicts=Conflicts.REFUSED, effect=Effect.KEPT)


def _edit(cluster: Cluster, obj: Object) -> None:
    """Change an object as a person with `kubectl edit` would."""
    cluster.request(
        "PATCH",
        cluster.address(obj),
        query={"fieldManager": "kubectl-edit"},
        body=obj,
        content_type="application/merge-patch+json",
    )
