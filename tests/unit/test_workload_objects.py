"""Claims about what one entry becomes: objects in Karmada, and what is otherwise in each member."""

import base64
import json
from typing import Any

import pytest
from pydantic import SecretStr

from fleet.config.workloads import Workload
from fleet.workloads import objects, overrides, pods
from fleet.workloads.objects import docker_config, selected

SHOP: dict[str, Any] = {
    "image": "ghcr.io/example/shop:1.4.2",
    "namespace": "shop",
    "ports": {"http": 80, "grpc": {"port": 9000, "target": 9001}},
    "args": ["--region=${region}"],
    "env": {"CLUSTER": "${member}", "LOG": "info"},
    "secretEnv": {"DATABASE_URL": {"secret": "shop-database"}},
    "files": {"/etc/shop/app.toml": "a = 1", "/etc/shop/conf.d/b": "b"},
    "labels": {"istio-locality": "${region}.${member}", "team": "web"},
    "probes": {"ready": "/readyz", "live": {"port": "grpc"}, "startup": {"command": ["/up"], "failureThreshold": 30}},
    "resources": {"cpu": "100m", "memory": "128Mi", "limits": {"memory": "256Mi"}},
    "perMember": {"us": {"image": "shop:us", "env": {"LOG": "debug", "TIER": "gold"}, "resources": {"cpu": "2"}}},
    "disruption": {"maxUnavailable": "25%"},
}


def shop(**changes: Any) -> Workload:
    return Workload.model_validate(SHOP | changes)


def container(**changes: Any) -> dict[str, Any]:
    return pods.container("shop", shop(**changes), "shop-env")


def test_what_an_entry_does_not_say_is_in_no_pod() -> None:
    bare = pods.template("shop", Workload(image="shop"), files="f", secret="s")
    assert bare["metadata"] == {"labels": {"app": "shop"}}
    (only,) = bare["spec"]["containers"]
    assert bare["spec"].keys() == {"containers"}
    assert only.keys() == {"name", "image", "imagePullPolicy", "resources", "securityContext"}


def test_every_container_keeps_the_level_restricted() -> None:
    context = container(runAsUser=65532)["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_low_port_takes_no_capability() -> None:
    low = pods.template("shop", shop(), files="f", secret="s")["spec"]
    high = pods.template("shop", shop(ports={"http": 8080}, probes={}), files="f", secret="s")["spec"]
    assert low["securityContext"] == {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
    assert "securityContext" not in high


def test_variables_of_secrets_come_from_the_secret_and_stand_before_those_that_may_use_them() -> None:
    assert container()["env"] == [
        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "shop-env", "key": "DATABASE_URL"}}},
        {"name": "CLUSTER", "value": "${member}"},
        {"name": "LOG", "value": "info"},
    ]


def test_a_variable_stands_behind_those_that_it_uses_whatever_they_are_called() -> None:
    """Kubernetes leaves $(NAME) as it is where NAME comes later."""
    texts = {"A": "$$(Z)", "B": "$(Y):$(PORT)", "PATH": "$(PATH):$(NOT)", "PORT": "1", "Y": "y", "Z": "z"}
    names = [one["name"] for one in container(env=texts, secretEnv={})["env"]]
    assert names == ["A", "PORT", "Y", "B", "PATH", "Z"]


def test_probes_ask_by_the_ports_protocol() -> None:
    made = container()
    assert made["readinessProbe"] == {"httpGet": {"path": "/readyz", "port": 80}}
    assert made["livenessProbe"] == {"grpc": {"port": 9001}}
    assert made["startupProbe"] == {"exec": {"command": ["/up"]}, "failureThreshold": 30}
    plain = container(ports={"tcp": 7}, probes={"live": {"periodSeconds": 3}})
    assert plain["livenessProbe"] == {"tcpSocket": {"port": 7}, "periodSeconds": 3}


def test_each_file_is_mounted_alone_under_a_key_of_its_own() -> None:
    data = objects.config_map("shop", shop(), "shop")["data"]
    mounts = {mount["mountPath"]: data[mount["subPath"]] for mount in container()["volumeMounts"]}
    assert mounts == SHOP["files"]
    assert len(data) == 2


def test_another_file_starts_pods_anew() -> None:
    one, other = (
        objects.deployment("shop", shop(files={"/a": text}), "shop")["spec"]["template"]["metadata"]["annotations"]
        for text in ("x", "y")
    )
    assert one.keys() == other.keys()
    assert one != other


def test_a_service_names_its_ports_by_protocol() -> None:
    spec = objects.service("shop", shop(), "shop")["spec"]
    assert spec["selector"] == {"app": "shop"}
    assert spec["ports"] == [
        {"name": "http", "port": 80, "targetPort": 80},
        {"name": "grpc", "port": 9000, "targetPort": 9001},
    ]


def test_one_policy_selects_everything_that_an_entry_becomes() -> None:
    kinds = [(one.kind, one.name) for one in selected("shop", shop())]
    assert kinds == [
        ("Deployment", "shop"),
        ("Service", "shop"),
        ("ConfigMap", "shop-files"),
        ("Secret", "shop-env"),
        ("PodDisruptionBudget", "shop"),
    ]
    assert [one.kind for one in selected("job", Workload(image="job"))] == ["Deployment"]


def patched(member: str, region: str, **changes: Any) -> dict[str, Any]:
    made = overrides.patches("shop", shop(**changes), member=member, region=region, identity=f"shop-{member}")
    assert {patch["operator"] for patch in made} == {"add"}, "what is not there yet is no error"
    return {str(patch["path"]): patch["value"] for patch in made}


def test_marks_are_filled_in_in_every_member() -> None:
    found = patched("eu", "eu-west")
    assert found["/spec/template/spec/serviceAccountName"] == "shop-eu"
    assert found["/spec/template/spec/containers/0/args"] == ["--region=eu-west"]
    assert found["/spec/template/metadata/labels/istio-locality"] == "eu-west.eu"
    assert found["/spec/template/spec/containers/0/env"][1:] == [
        {"name": "CLUSTER", "value": "eu"},
        {"name": "LOG", "value": "info"},
    ]
    assert len(found) == 4, "what is the same everywhere stands in the template alone"


def test_a_label_with_a_mark_is_in_no_template_since_kubernetes_takes_none() -> None:
    assert pods.template("shop", shop(), files="f", secret="s")["metadata"]["labels"] == {"app": "shop", "team": "web"}


def test_a_member_has_what_its_part_of_the_entry_says() -> None:
    found = patched("us", "us-west")
    assert found["/spec/template/spec/containers/0/image"] == "shop:us"
    assert found["/spec/template/spec/containers/0/resources"] == {
        "requests": {"cpu": "2", "memory": "128Mi"},
        "limits": {"memory": "256Mi"},
    }, "what its part leaves out is the entry's"
    assert found["/spec/template/spec/containers/0/env"] == [
        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "shop-env", "key": "DATABASE_URL"}}},
        {"name": "CLUSTER", "value": "us"},
        {"name": "LOG", "value": "debug"},
        {"name": "TIER", "value": "gold"},
    ]


def test_what_has_no_marks_differs_by_its_identity_alone() -> None:
    assert patched("eu", "eu-west", args=[], env={}, labels={}, perMember={}).keys() == {
        "/spec/template/spec/serviceAccountName"
    }


def test_a_label_with_a_domain_is_one_key_of_a_patch() -> None:
    found = patched("eu", "eu-west", labels={"a.example/where": "${member}"})
    assert found["/spec/template/metadata/labels/a.example~1where"] == "eu"


@pytest.mark.parametrize(("registry", "key"), [("ghcr.io", "ghcr.io"), ("docker.io", "https://index.docker.io/v1/")])
def test_kubelet_finds_a_login_by_the_name_that_images_begin_with(registry: str, key: str) -> None:
    made = json.loads(docker_config({registry: {"username": "bot", "password": SecretStr("p:w")}}))
    assert base64.b64decode(made["auths"][key]["auth"]) == b"bot:p:w"
