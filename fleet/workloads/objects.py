"""One entry as the objects that are submitted to Karmada. Pure functions, whose results are resources' arguments."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from pulumi import Output

from fleet.config.workload_fields import file_key
from fleet.disruptions import BUDGET
from fleet.karmada.placement import Selected
from fleet.workloads import pods

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi import Input

    from fleet.config.workloads import Workload

SKIP_AWAIT: Final = {"pulumi.com/skipAwait": "true"}
"""What is in Karmada has its pods and endpoints in the members: fleet.karmada.replicas waits for them."""
REGISTRIES: Final = "fleet-registries"
"""The Secret of every namespace as whose holder images are pulled."""
_DOCKER_HUB: Final = "docker.io"
_KEY_OF_DOCKER_HUB: Final = "https://index.docker.io/v1/"
"""Docker Hub has another name than its images (Kubernetes, "Pull an Image from a Private Registry")."""


def files_name(name: str) -> str:
    """The ConfigMap with a workload's files."""
    return f"{name}-files"


def secret_name(name: str) -> str:
    """The Secret with a workload's variables."""
    return f"{name}-env"


def selected(name: str, workload: Workload) -> list[Selected]:
    """All objects of a workload in Karmada, the one with the replicas first."""
    objects = [Selected(api_version="apps/v1", kind="Deployment", name=name)]
    if workload.ports:
        objects.append(Selected(api_version="v1", kind="Service", name=name))
    if workload.files:
        objects.append(Selected(api_version="v1", kind="ConfigMap", name=files_name(name)))
    if workload.secret_env:
        objects.append(Selected(api_version="v1", kind="Secret", name=secret_name(name)))
    if workload.disruption:
        objects.append(Selected(api_version="policy/v1", kind="PodDisruptionBudget", name=name))
    return objects


def deployment(
    name: str, workload: Workload, namespace: Input[str], secrets_of: Input[str] | None = None
) -> dict[str, Any]:
    """Its pods; `secrets_of` is another one once a secret of theirs is."""
    template = pods.template(name, workload, files=files_name(name), secret=secret_name(name))
    if secrets_of is not None:
        metadata = template["metadata"]
        metadata["annotations"] = metadata.get("annotations", {}) | {pods.SECRETS_ANNOTATION: secrets_of}
    return {
        "metadata": _metadata(name, namespace, labels=pods.labels(name), annotations=SKIP_AWAIT),
        "spec": {
            "replicas": workload.replicas,
            "selector": {"matchLabels": pods.labels(name)},
            "template": template,
        },
    }


def service(name: str, workload: Workload, namespace: Input[str]) -> dict[str, Any]:
    """By which it is called, in every member."""
    return {
        "metadata": _metadata(name, namespace, annotations=SKIP_AWAIT),
        "spec": {
            "selector": pods.labels(name),
            # Without a protocol in a port's name Istio treats the traffic as TCP and cannot balance requests.
            "ports": [
                {"name": port, "port": workload.ports[port].port, "targetPort": workload.ports[port].listens}
                for port in workload.port_names
            ],
        },
    }


def config_map(name: str, workload: Workload, namespace: Input[str]) -> dict[str, Any]:
    """Its files."""
    return {
        "metadata": _metadata(files_name(name), namespace),
        "data": {file_key(path): text for path, text in workload.files.items()},
    }


def secret(name: str, workload: Workload, namespace: Input[str]) -> dict[str, Any]:
    """Its secret variables, which the engine encrypts wherever they rest."""
    return {
        "metadata": _metadata(secret_name(name), namespace),
        "string_data": Output.secret(secret_values(workload.secret_env)),
    }


def secret_values(secret_env: Mapping[str, Any]) -> dict[str, str]:
    """The values of secret variables whose references were filled, in the clear."""
    return {variable: value.get_secret_value() for variable, value in sorted(secret_env.items())}


def disruption_budget(name: str, workload: Workload, namespace: Input[str]) -> dict[str, Any]:
    """How many of its pods in one member may be away while nodes are drained."""
    most = workload.disruption.max_unavailable if workload.disruption else BUDGET["maxUnavailable"]
    return {
        "metadata": _metadata(name, namespace),
        "spec": BUDGET | {"maxUnavailable": most, "selector": {"matchLabels": pods.labels(name)}},
    }


def pull_secret(registries: Mapping[str, Any], namespace: Input[str]) -> dict[str, Any]:
    """As whom the images of a namespace's pods are pulled."""
    return {
        "metadata": _metadata(REGISTRIES, namespace),
        "type": "kubernetes.io/dockerconfigjson",
        "string_data": Output.secret({".dockerconfigjson": docker_config(registries)}),
    }


def docker_config(registries: Mapping[str, Any]) -> str:
    """The registries' names and passwords, in the clear, as Docker's clients keep them."""
    return json.dumps(
        {
            "auths": {
                _KEY_OF_DOCKER_HUB if host == _DOCKER_HUB else host: _login(
                    login["username"], login["password"].get_secret_value()
                )
                for host, login in sorted(registries.items())
            }
        }
    )


def _login(username: str, password: str) -> dict[str, str]:
    both = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"username": username, "password": password, "auth": both}


def _metadata(name: str, namespace: Input[str], **more: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "namespace": namespace} | {key: dict(value) for key, value in more.items()}
