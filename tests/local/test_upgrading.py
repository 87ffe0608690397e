"""What an update that ends well may still call an error."""

from __future__ import annotations

from tests.e2e.upgrading import errors

SAID = """
 ~  kubernetes:cluster.karmada.io/v1alpha1:Cluster us-registration updating (300s) error: a hook failed

Diagnostics:
  kubernetes:cluster.karmada.io/v1alpha1:Cluster (us-registration):
    warning: this takes long
    error: a hook failed

Resources:
    ~ 20 updated
    20 changes. 185 unchanged, 1 errored
"""


def test_an_error_is_told_once_with_how_many_there_are() -> None:
    assert errors(SAID) == ["error: a hook failed", "20 changes. 185 unchanged, 1 errored"]


def test_an_update_without_errors_has_none() -> None:
    assert errors("Resources:\n    + 208 created\n") == []
    assert errors("") == []
