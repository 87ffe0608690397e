"""Encryption at rest on a real API server: what was in the clear, another key, and how what is there follows."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from fleet.karmada import encryption
from fleet.lke import readiness
from tests.plugins.kubernetes.control_plane import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.engine
FIRST, NEXT = (("first", base64.b64encode(b"1" * 32).decode()), ("next", base64.b64encode(b"2" * 32).decode()))
STORED = ("/registry/secrets/default/guest", "/registry/work.karmada.io/works/default/guest")
WORKS = ("work.karmada.io", "v1alpha1")
TEXT = "known to the guest alone"


def server(folder: Path, *keys: tuple[str, str]) -> ControlPlane:
    """An API server on what the one before has left, with these keys."""
    if not keys:
        return ControlPlane(folder)
    file = folder / "encryption.yaml"
    file.write_text(encryption.configuration(keys))
    return ControlPlane(folder, f"--encryption-provider-config={file}")


def submit(running: ControlPlane) -> None:
    """A Secret, and a Work with the same text."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": WORKS[1], "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "works", "singular": "work", "kind": "Work"}
    spec = {"group": WORKS[0], "scope": "Namespaced", "names": names, "versions": [version]}
    with readiness.connect(running.kubeconfig) as api:
        secret: Any = {"metadata": {"name": "guest"}, "stringData": {"text": TEXT}}
        client.CoreV1Api(api).create_namespaced_secret("default", secret)
        definition: Any = {"metadata": {"name": "works.work.karmada.io"}, "spec": spec}
        client.ApiextensionsV1Api(api).create_custom_resource_definition(definition)
        body = {"apiVersion": "/".join(WORKS), "kind": "Work", "metadata": {"name": "guest"}, "spec": {"text": TEXT}}
        _served(client.CustomObjectsApi(api).create_namespaced_custom_object)(*WORKS, "default", "works", body)


def _served(request: Any) -> Any:
    """A request that is repeated until custom resources are served, which is a little after the rest."""
    return retry(
        retry=retry_if_exception_type(client.ApiException),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.2),
        reraise=True,
    )(request)


def read(running: ControlPlane) -> tuple[str, str, list[str]]:
    """The text of both as users read it, and their versions."""
    with readiness.connect(running.kubeconfig) as api:
        secret: Any = client.CoreV1Api(api).read_namespaced_secret("guest", "default")
        get = _served(client.CustomObjectsApi(api).get_namespaced_custom_object)
        work = get(*WORKS, "default", "works", "guest")
    versions = [secret.metadata.resource_version, work["metadata"]["resourceVersion"]]
    return base64.b64decode(secret.data["text"]).decode(), work["spec"]["text"], versions


def begins(running: ControlPlane, keys: Sequence[tuple[str, str]]) -> bool:
    begin = f"k8s:enc:secretbox:v1:{encryption.key_name(*keys[0])}:".encode()
    return all(running.stored(key).startswith(begin) for key in STORED)


def test_what_is_there_follows_the_key_that_writes_and_is_read_all_the_while(tmp_path: Path) -> None:
    with server(tmp_path) as plain:
        submit(plain)
        assert all(TEXT.encode() in plain.stored(key) for key in STORED)
    for keys in ((FIRST,), (FIRST, NEXT), (NEXT, FIRST), (NEXT,)):
        with server(tmp_path, *keys) as running:
            *texts, before = read(running)
            assert texts == [TEXT, TEXT], f"{[name for name, _ in keys]} read what the ones before have written"
            asyncio.run(encryption.rewrite(running.kubeconfig))
            assert begins(running, keys)
            assert not any(TEXT.encode() in running.stored(key) for key in STORED)
            after = read(running)[2]
            asyncio.run(encryption.rewrite(running.kubeconfig))
            assert read(running)[2] == after, "what is encrypted by this key already is left alone"
            assert (after == before) is (keys in ((FIRST, NEXT), (NEXT,))), "a key that only reads changes nothing"
