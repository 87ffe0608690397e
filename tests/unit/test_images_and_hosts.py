"""Claims about images and hosts in the stack config: what no registry has and what Istio refuses is not let through."""

import pytest

from fleet.config.reader import parse
from tests.unit.test_config import changed, errors_of

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("", "an empty part of its name is none of an image's"),
        ("https://docker.io/x:1", "must be an image without a scheme; write 'docker.io/x:1'"),
        ("https://", "must name an image"),
        ("a b", "'a b' in its name is none of an image's, which has lower-case letters"),
        ("Foo/Bar:1", "'Bar' in its name"),
        ("docker.io//x:1", "an empty part of its name"),
        ("docker.io/a__-b", "'a__-b' in its name"),
        ("-a.io:443/x", "'-a.io:443' is no registry"),
        ("a.io:https/x", "'a.io:https' is no registry"),
        ("x:", "'' is no tag"),
        ("x:a b", "'a b' is no tag"),
        (f"x:{'1' * 129}", "at most 128"),
        ("x@sha256:0a", "'sha256:0a' is no digest"),
        (f"x{'/x' * 128}", "more than 255 characters"),
    ],
)
def test_an_image_that_no_registry_could_have_is_refused_with_the_part_that_is_wrong(image: str, why: str) -> None:
    (error,) = errors_of(changed("workloads.hello.image", image))
    assert error.startswith(f"workloads.hello.image: {image!r} is refused: ")
    assert why in error


@pytest.mark.parametrize(
    "image",
    [
        "x",
        "x:1",
        "library/x",
        "docker.io/curlimages/curl:7.88.1",
        "localhost:5000/a/b_c__d-e.f:V_1.0-x",
        f"a.io/x:1@{DIGEST}",
    ],
)
def test_an_image_is_taken_as_runtimes_take_it(image: str) -> None:
    assert parse(changed("workloads.sleep.image", image)).workloads["sleep"].image == image


@pytest.mark.parametrize(
    ("hosts", "why"),
    [
        (["http://a.example"], "without a scheme; write 'a.example'"),
        (["a.example:80"], "without a port; write 'a.example'"),
        (["a.example/path"], "without a path; write 'a.example'"),
        ([""], "must be a host such as a.example"),
        (["a.*.com"], "its star in front"),
        (["*a.example"], "its star in front"),
        (["hello"], "must be a host such as"),
        (["a..example"], "must be a host such as"),
        (["a_b.example"], "must be a host such as"),
        (["a.1"], "must be a host such as"),
        ([f"{'a' * 64}.example"], "must be a host such as"),
        (["2001:db8::1"], "must be no IPv6 address"),
        (["a.example", "a.example"], "'a.example' and 'a.example' are for the same calls; drop one"),
        (["A.example", "a.example"], "'a.example' and 'a.example' are for the same calls"),
        (["b.a.example", "*.a.example"], "'b.a.example' and '*.a.example' are for the same calls"),
        (["*.example", "*.a.example"], "are for the same calls"),
        (["*", "a.example"], "are for the same calls"),
    ],
)
def test_a_host_that_istios_webhook_refuses_is_refused_before_anything_changes(hosts: list[str], why: str) -> None:
    (error,) = errors_of(changed("workloads.hello.ingress.hosts", hosts))
    assert error.startswith("workloads.hello.ingress.hosts")
    assert why in error


def test_a_host_is_in_lower_case_as_gateways_have_it() -> None:
    ingress = parse(changed("workloads.hello.ingress.hosts", ["Shop.Example"])).workloads["hello"].ingress
    assert ingress is not None
    assert ingress.hosts == ("shop.example",), "in another case it is the same host"


@pytest.mark.parametrize("hosts", [["*"], ["a.example", "b.example"], ["*.a.example", "a.example"], ["203.0.113.7"]])
def test_hosts_are_names_stars_and_addresses(hosts: list[str]) -> None:
    ingress = parse(changed("workloads.hello.ingress.hosts", hosts)).workloads["hello"].ingress
    assert ingress is not None
    assert ingress.hosts == tuple(hosts)
