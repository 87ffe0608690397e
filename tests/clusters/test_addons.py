"""What every cluster has from its start."""

from __future__ import annotations

from typing import Any

from sandbox.clusters.api import addons
from sandbox.clusters.images.table import IMAGES
from sandbox.clusters.network.plan import DNS_SERVICE, SERVICES


def of_kind(kind: str) -> dict[str, Any]:
    return {document["metadata"]["name"]: document for document in addons() if document["kind"] == kind}


def test_every_image_that_an_addon_needs_is_one_that_the_sandbox_makes() -> None:
    made = {image.name for image in IMAGES}
    for deployment in of_kind("Deployment").values():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert container["image"] in made
            assert container["imagePullPolicy"] == "IfNotPresent", "there is no registry to ask"


def test_dns_is_where_kubelets_send_their_pods() -> None:
    address = of_kind("Service")["kube-dns"]["spec"]["clusterIP"]
    assert address == str(DNS_SERVICE)
    assert DNS_SERVICE in SERVICES


def test_the_default_storage_class_is_linodes() -> None:
    classes = of_kind("StorageClass")
    default = [
        name
        for name, item in classes.items()
        if item["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    ]
    assert default == ["linode-block-storage-retain"]
    assert classes["linode-block-storage"]["reclaimPolicy"] == "Delete"


def test_only_the_administrator_is_cluster_admin() -> None:
    admins = [
        binding["subjects"]
        for binding in of_kind("ClusterRoleBinding").values()
        if binding["roleRef"]["name"] == "cluster-admin"
    ]
    assert admins == [[{"kind": "ServiceAccount", "name": "lke-admin", "namespace": "kube-system"}]]
