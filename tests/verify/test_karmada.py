"""What counts as a fair division of replicas, and as credentials of a member."""

from __future__ import annotations

import pytest

from fleet.config.settings import Failover
from fleet.karmada.placement import propagation
from sandbox.verify.karmada import is_fair, made_for_karmada, policy_weights, references, tokens

EQUAL = {"us": 1, "ap": 1, "eu": 1}


@pytest.mark.parametrize(
    "running", [{"us": 4, "ap": 3, "eu": 3}, {"us": 3, "ap": 4, "eu": 3}, {"us": 3, "ap": 3, "eu": 4}]
)
def test_ten_replicas_by_equal_weights_are_fair_in_any_order(running: dict[str, int]) -> None:
    assert is_fair(running, EQUAL, 10)


@pytest.mark.parametrize(
    ("running", "why"),
    [
        ({"us": 5, "ap": 3, "eu": 2}, "no member is a whole pod off its share"),
        ({"us": 3, "ap": 3, "eu": 3}, "all replicas run"),
        ({"us": 4, "ap": 4, "eu": 3}, "no pod too many runs"),
    ],
)
def test_another_division_is_not_fair(running: dict[str, int], why: str) -> None:
    assert not is_fair(running, EQUAL, 10), why


def test_the_articles_weights_give_four_two_four_and_nothing_else() -> None:
    weights = {"us": 2, "ap": 1, "eu": 2}
    assert is_fair({"us": 4, "ap": 2, "eu": 4}, weights, 10)
    assert not is_fair({"us": 4, "ap": 3, "eu": 3}, weights, 10)


def test_a_member_without_a_weight_runs_nothing() -> None:
    assert not is_fair({"us": 2, "ap": 1}, {"us": 1}, 3)


def test_weights_are_read_back_from_the_policy_that_the_program_writes() -> None:
    weights = {"us": 2, "ap": 1, "eu": 2}
    policy = {"spec": propagation((), ("eu", "ap", "us"), weights, Failover())}
    assert policy_weights(policy) == weights


def test_a_token_in_karmada_and_a_reference_to_one_are_credentials() -> None:
    secrets = [{"metadata": {"name": "eu"}, "data": {"token": "YQ==", "caBundle": "YQ=="}}]
    secrets += [{"metadata": {"name": "empty"}}, {"metadata": {"name": "of-a-user"}, "data": {"password": "YQ=="}}]
    assert tokens(secrets) == ["Secret eu"]
    reference = {"namespace": "karmada-cluster", "name": "eu-impersonator"}
    clusters = [{"metadata": {"name": "eu"}, "spec": {"syncMode": "Pull", "impersonatorSecretRef": reference}}]
    clusters += [{"metadata": {"name": "us"}, "spec": {"syncMode": "Pull"}}]
    assert references(clusters) == ["impersonatorSecretRef of eu"]


def test_accounts_and_bindings_of_karmadas_in_a_member_are_told_from_those_of_fleets_agent() -> None:
    names = {
        "ServiceAccount": ("default", "karmada-eu", "karmada-impersonator"),
        "ClusterRoleBinding": ("cluster-admin", "fleet-karmada-agent", "karmada-controller-manager:karmada-eu"),
    }
    objects = [{"kind": kind, "metadata": {"name": name}} for kind, found in names.items() for name in found]
    assert made_for_karmada(objects) == [
        "ServiceAccount karmada-eu",
        "ServiceAccount karmada-impersonator",
        "ClusterRoleBinding karmada-controller-manager:karmada-eu",
    ]
