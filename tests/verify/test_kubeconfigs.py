"""Kubeconfigs for users: named after the clusters, and for nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from sandbox.verify.kubeconfigs import VIEWERS, keep_all, keep_views, named

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(number: int) -> str:
    """A kubeconfig as Linode writes it."""
    cluster, user = f"lke{number}", f"lke{number}-admin"
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "clusters": [{"name": cluster, "cluster": {"server": f"https://192.0.2.{number}:6443"}}],
        "users": [{"name": user, "user": {"token": f"token-{number}"}}],
        "contexts": [{"name": f"{cluster}-ctx", "context": {"cluster": cluster, "user": user, "namespace": "default"}}],
        "current-context": f"{cluster}-ctx",
    }
    return yaml.safe_dump(document)


def test_the_context_is_called_as_the_cluster_and_leads_to_the_same_server_as_the_same_user() -> None:
    document = yaml.safe_load(named(kubeconfig(7), "us"))
    assert document["current-context"] == "us"
    [context] = document["contexts"]
    assert context == {"name": "us", "context": {"cluster": "us", "user": "us", "namespace": "default"}}
    assert document["clusters"] == [{"name": "us", "cluster": {"server": "https://192.0.2.7:6443"}}]
    assert document["users"] == [{"name": "us", "user": {"token": "token-7"}}]


def test_every_cluster_and_karmada_get_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    outputs = {"kubeconfigs": {"us": kubeconfig(1), "eu": kubeconfig(2)}, "karmadaKubeconfig": kubeconfig(3)}
    files = keep_all(outputs, tmp_path / "kubeconfigs")
    assert list(files) == ["karmada", "us", "eu"], "Karmada's comes first, as the one that kubectl takes by itself"
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    assert (tmp_path / "kubeconfigs").stat().st_mode & 0o777 == 0o700
    assert yaml.safe_load(files["karmada"].read_text())["users"][0]["user"] == {"token": "token-3"}


def test_viewers_have_files_of_their_own_which_whoever_takes_the_operators_does_not_see(tmp_path: Path) -> None:
    outputs = {"viewKubeconfigs": {"us": kubeconfig(4), "karmada": kubeconfig(5)}}
    files = keep_views(outputs, tmp_path)
    assert files == {name: tmp_path / VIEWERS / f"{name}.kubeconfig" for name in ("us", "karmada")}
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    assert yaml.safe_load(files["us"].read_text())["current-context"] == "us"
    assert list(tmp_path.glob("*.kubeconfig")) == []


def test_without_karmada_there_is_no_file_for_it(tmp_path: Path) -> None:
    assert list(keep_all({"kubeconfigs": {"us": kubeconfig(1)}, "karmadaKubeconfig": None}, tmp_path)) == ["us"]
