"""Finding a release's chart: a folder, an archive, a repository's or a registry's."""

from __future__ import annotations

import base64
import functools
import hashlib
import tarfile
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sandbox.plugins.framework import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import Cancellation
    from sandbox.plugins.kubernetes.helm.executable import Helm

_OCI: Final = "oci://"
_ALIAS: Final = "release"
_TLS_FLAGS: Final = {"caFile": "--ca-file", "certFile": "--cert-file", "keyFile": "--key-file"}


class ChartError(ProviderError):
    """The chart cannot be had or used."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart on this machine."""

    path: Path
    metadata: Mapping[str, Any]
    local: bool
    """Whether it is the user's own file or folder, which may change without a new version."""

    @property
    def version(self) -> str:
        """The chart's version."""
        return str(self.metadata.get("version", ""))

    def checksum(self) -> str:
        """A digest of all that is in the chart."""
        digest = hashlib.sha256()
        files = sorted(self.path.rglob("*")) if self.path.is_dir() else [self.path]
        for file in files:
            if file.is_file():
                name = file.relative_to(self.path).as_posix() if file != self.path else ""
                digest.update(f"{name}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
        return digest.hexdigest()

    def missing_dependencies(self) -> list[str]:
        """Charts that a folder's Chart.yaml asks for and its charts/ lacks."""
        if not self.path.is_dir():
            return []
        charts = self.path / "charts"
        names = [str(one.get("name")) for one in self.metadata.get("dependencies") or []]
        return [name for name in names if not (charts / name).is_dir() and not list(charts.glob(f"{name}-*.tgz"))]


class Charts:
    """The charts that one provider process works with. A remote one is fetched once. Thread-safe."""

    def __init__(self, helm: Helm) -> None:
        self._helm = helm
        self._lock = threading.Lock()
        self._fetched: dict[str, Path] = {}

    @functools.cached_property
    def _folder(self) -> Path:
        """Where fetched charts are, until the process ends."""
        directory = tempfile.TemporaryDirectory(prefix="fleet-charts-")
        weakref.finalize(self, directory.cleanup)
        return Path(directory.name)

    def find(self, inputs: Mapping[str, Any], cancellation: Cancellation) -> Chart:
        """The chart that a release's (plain, known) inputs name. Raises ChartError or HelmError."""
        local = _local(inputs)
        if local is not None:
            if inputs.get("verify"):
                self._helm.run(["verify", str(local), *_keyring(inputs)], cancellation=cancellation)
            return Chart(path=local, metadata=_metadata(local), local=True)
        path = self._fetch(inputs, cancellation)
        return Chart(path=path, metadata=_metadata(path), local=False)

    def _fetch(self, inputs: Mapping[str, Any], cancellation: Cancellation) -> Path:
        keys = ("chart", "version", "devel", "verify", "keyring", "repositoryOpts")
        key = hashlib.sha256(repr([inputs.get(one) for one in keys]).encode()).hexdigest()
        with self._lock:
            if key not in self._fetched:
                self._fetched[key] = self._pull(inputs, self._folder / key, cancellation)
            return self._fetched[key]

    def _pull(self, inputs: Mapping[str, Any], destination: Path, cancellation: Cancellation) -> Path:
        repository = {name: value for name, value in (inputs.get("repositoryOpts") or {}).items() if value}
        destination.mkdir(exist_ok=True)
        options = ["--destination", str(destination), *_version(inputs)]
        if inputs.get("verify"):
            options += ["--verify", *_keyring(inputs)]
        with tempfile.TemporaryDirectory(prefix="fleet-helm-") as cache:
            reference, private = self._reference(inputs["chart"].strip(), repository, cache, cancellation)
            self._helm.run(["pull", *reference, *options], private=private, cancellation=cancellation)
        archives = list(destination.glob("*.tgz"))
        if len(archives) != 1:
            raise ChartError(f"chart {inputs['chart']!r}: helm pull left {len(archives)} archives, expected one")
        return archives[0]

    def _reference(
        self, chart: str, repository: Mapping[str, str], cache: str, cancellation: Cancellation
    ) -> tuple[list[str], Mapping[str, Any]]:
        """How helm is to find a remote chart: arguments, and the files that credentials go into."""
        address = repository.get("repo", "")
        tls = [part for key, flag in _TLS_FLAGS.items() if key in repository for part in (flag, repository[key])]
        if address.startswith(_OCI):
            chart = f"{address.rstrip('/')}/{chart}"
        if chart.startswith(_OCI):
            return [chart, *tls], _registry_login(chart, repository)
        if urlsplit(address).scheme not in ("http", "https"):
            # The name of a repository that the user added with `helm repo add`.
            return [f"{address}/{chart}" if address and "/" not in chart else chart, *tls], {}
        if "password" not in repository:
            user = ["--username", repository["username"]] if "username" in repository else []
            return [chart, "--repo", address, *tls, *user], {}
        entry = {"name": _ALIAS, "url": address, **{k: v for k, v in repository.items() if k != "repo"}}
        private = {"--repository-config": {"apiVersion": "v1", "repositories": [entry]}}
        place = ["--repository-cache", cache]
        update = ["repo", "update", _ALIAS, "--fail-on-repo-update-fail", *place]
        self._helm.run(update, private=private, cancellation=cancellation)
        return [f"{_ALIAS}/{chart}", *place], private


def _local(inputs: Mapping[str, Any]) -> Path | None:
    """The user's own chart, or None if the name is of a remote one. Raises ChartError."""
    name = inputs["chart"].strip()
    if name.startswith(_OCI) or (inputs.get("repositoryOpts") or {}).get("repo"):
        return None
    path = Path(name)
    if path.is_file() or (path / "Chart.yaml").is_file():
        return path.resolve()
    if path.is_absolute() or name.startswith("."):
        raise ChartError(f"there is no chart at {path.resolve()}")
    return None


def _metadata(path: Path) -> Mapping[str, Any]:
    """What Chart.yaml says, of a folder or an archive. Raises ChartError."""
    import yaml

    try:
        text = (path / "Chart.yaml").read_bytes() if path.is_dir() else _from_archive(path)
        metadata = yaml.safe_load(text)
    except (OSError, tarfile.TarError, yaml.YAMLError) as error:
        raise ChartError(f"{path} is no chart: {error}") from error
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise ChartError(f"{path} is no chart: its Chart.yaml names none")
    if metadata.get("type", "application") != "application":
        raise ChartError(f"{path}: {metadata['type']} charts are not installable")
    return metadata


def _from_archive(path: Path) -> bytes:
    with tarfile.open(path) as archive:
        for member in archive:
            # Subcharts have theirs deeper down.
            if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                file = archive.extractfile(member)
                if file is not None:
                    return file.read()
    raise ChartError(f"{path} is no chart: it has no Chart.yaml")


def _version(inputs: Mapping[str, Any]) -> list[str]:
    version = (inputs.get("version") or "").strip()
    if version:
        return ["--version", version]
    return ["--devel"] if inputs.get("devel") else []


def _keyring(inputs: Mapping[str, Any]) -> list[str]:
    return ["--keyring", inputs["keyring"]] if inputs.get("keyring") else []


def _registry_login(chart: str, repository: Mapping[str, str]) -> Mapping[str, Any]:
    """A registry configuration of this command's own, if credentials are given."""
    if "password" not in repository:
        return {}
    login = f"{repository.get('username', '')}:{repository['password']}".encode()
    auths = {urlsplit(chart).netloc: {"auth": base64.b64encode(login).decode()}}
    return {"--registry-config": {"auths": auths}}
