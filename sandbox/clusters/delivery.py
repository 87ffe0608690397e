"""Brings a user's own images to the nodes that run, and takes them away again, while everything there goes on."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tenacity

from sandbox.clusters.host.subprocesses import CommandError, run
from sandbox.clusters.images.library import Library
from sandbox.clusters.node.files import CONTAINERD_SOCKET
from sandbox.clusters.node.machine import Machine
from sandbox.errors import SandboxError
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.images.library import Change, KeptImage

_log = logging.getLogger(__name__)
_IMPORT_SECONDS: Final = 900.0
_ANSWER_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.2


class DeliveryError(SandboxError):
    """An image is not on every node."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The containerd of a node that runs, for a client on the host."""

    node: str
    socket: Path
    ctr: Path

    def images(self) -> dict[str, str]:
        """The digests of what it has, by name. Raises CommandError if it does not answer."""
        _, *rows = self._call("images", "list").splitlines()
        # REF TYPE DIGEST SIZE PLATFORMS LABELS
        return {name: digest for name, _, digest, *_ in map(str.split, rows)}

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(CommandError),
        stop=tenacity.stop_after_delay(_ANSWER_SECONDS),
        wait=tenacity.wait_fixed(_PAUSE_SECONDS),
        reraise=True,
    )
    def wait(self) -> None:
        """Return when it answers; its machine may just have been started. Raises CommandError."""
        self._call("version")

    def bring(self, images: Iterable[KeptImage]) -> None:
        """Import those that it lacks, or has in another form. Raises CommandError."""
        there = self.images()
        for image in images:
            if there.get(image.name) != image.digest:
                self._call("images", "import", str(image.archive), timeout_seconds=_IMPORT_SECONDS)
                self._wait_for(image)

    def _wait_for(self, image: KeptImage) -> None:
        """Return when the kubelet's side of containerd knows an image, of which it hears after the import.

        It gives the image the name of its configuration then; a pod that was started before would try to pull it.
        """
        if not until(lambda: image.config in self.images(), seconds=_ANSWER_SECONDS, every=_PAUSE_SECONDS):
            raise CommandError([str(self.ctr), "images", "import"], f"{image.name} is imported and not in use")

    def take_away(self, names: Sequence[str]) -> None:
        """Remove images; pods that run keep the files that they have. Raises CommandError."""
        if names:
            self._call("images", "remove", *names)

    def _call(self, *arguments: str, timeout_seconds: float = _ANSWER_SECONDS) -> str:
        line = (str(self.ctr), "--address", str(self.socket), "--namespace", "k8s.io", *arguments)
        return run(*line, timeout_seconds=timeout_seconds)


def runtime_of(machine: Machine, ctr: Path) -> Runtime | None:
    """How a machine's containerd is reached; None for one that is off."""
    if (init := machine.first_process()) is None:
        return None
    # Its /run is in its own mount namespace, which shows on the host by its first process alone.
    return Runtime(node=machine.name, socket=Path(f"/proc/{init}/root{CONTAINERD_SOCKET}"), ctr=ctr)


def runtimes(layout: Layout, ctr: Path) -> list[Runtime]:
    """Those of all nodes of a sandbox that run."""
    folders = sorted(layout.clusters.glob("*/nodes/*"))
    machines = (Machine(layout=layout, name=folder.name, folder=folder, tools={}) for folder in folders)
    return [found for machine in machines if (found := runtime_of(machine, ctr))]


def begin_with_own_images(machine: Machine, ctr: Path) -> None:
    """Give a node that has just started what its user has loaded; without it, it is a node all the same."""
    try:
        # The machine runs by now: whoever loads another image after this has been read finds it among those that do.
        images = Library.of(machine.layout).images()
        if images and (runtime := runtime_of(machine, ctr)):
            runtime.wait()
            runtime.bring(images)
    except SandboxError as error:
        _log.warning("%s lacks images of the user's own: %s", machine.name, error)


def make_up(layout: Layout, ctr: Path) -> None:
    """Bring all images of a library to the nodes that run and lack some.

    Raises:
        DeliveryError: some nodes lack them still.
        ImageError: the library is damaged.

    """
    if images := Library.of(layout).images():
        _everywhere(layout, ctr, lambda runtime: runtime.bring(images))


def bring_everywhere(layout: Layout, ctr: Path, change: Change) -> int:
    """Bring what a library has anew to all nodes that run; their number. Raises DeliveryError if some nodes lack it."""
    kept = Library.of(layout).images()

    def bring(runtime: Runtime) -> None:
        runtime.bring(change.added)
        runtime.take_away(_unused(change.replaced, kept))

    return _everywhere(layout, ctr, bring)


def take_away_everywhere(layout: Layout, ctr: Path, image: KeptImage) -> int:
    """Remove an image, which a library has no more, from all nodes that run; their number.

    Raises DeliveryError if some nodes have it still.
    """
    names = [image.name, *_unused([image], Library.of(layout).images())]
    return _everywhere(layout, ctr, lambda runtime: runtime.take_away(names))


def _unused(images: Iterable[KeptImage], kept: Iterable[KeptImage]) -> list[str]:
    """The names that a kubelet's runtime gave to images on top, after their configurations, where no other has it."""
    used = {image.config for image in kept}
    return sorted({image.config for image in images} - used)


def _everywhere(layout: Layout, ctr: Path, act: Callable[[Runtime], None]) -> int:
    nodes = runtimes(layout, ctr)
    failed: list[str] = []

    def attempt(runtime: Runtime) -> None:
        try:
            runtime.wait()
            act(runtime)
        except CommandError as error:
            failed.append(f"{runtime.node}: {error.why.splitlines()[-1]}")

    # As many as unpack at once on a small machine without being slower for it.
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(attempt, nodes))
    if failed:
        raise DeliveryError(
            what=f"Of {len(nodes)} nodes {len(failed)} could not be brought up to date",
            why="; ".join(sorted(failed)),
            remedy="Run the same command again, or `python -m sandbox up`, which makes up for it",
        )
    return len(nodes)
