"""The names that a user's own images may have."""

from __future__ import annotations

import pytest

from sandbox.clusters.images.references import NoReferenceError, full_name


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("app:1", "docker.io/library/app:1"),
        ("team/app:1", "docker.io/team/app:1"),
        ("docker.io/app:1", "docker.io/library/app:1"),
        ("index.docker.io/library/app:1", "docker.io/library/app:1"),
        ("localhost/app:1", "localhost/app:1"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("registry.example.com/app:1", "registry.example.com/app:1"),
    ],
)
def test_a_short_name_is_one_on_docker_hub(given: str, full: str) -> None:
    assert full_name(given) == full


@pytest.mark.parametrize("given", ["", "app", "localhost:5000/app", "App:1", "app:", f"app@sha256:{'0' * 64}", "a b:1"])
def test_what_is_no_name_with_a_tag_is_refused(given: str) -> None:
    with pytest.raises(NoReferenceError):
        full_name(given)
