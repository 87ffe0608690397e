"""How Envoy's and hello's answers are read, in the forms that they have."""

from __future__ import annotations

import pytest

from sandbox.verify.mesh import HELLO_CLUSTER, NO_ANSWER, counted, region


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{  "hostname": "hello-1",  "message": "REGION=us-west",  "goos": "linux"}', "us-west"),
        ('{  "message": "REGION=ap-south runs podinfo",  "goos": "linux"}', "ap-south"),
        ("curl: (28) Operation timed out after 5001 milliseconds", NO_ANSWER),
        ("upstream connect error or disconnect/reset before headers", NO_ANSWER),
        ("", NO_ANSWER),
    ],
)
def test_the_region_is_what_hello_says_and_anything_else_is_no_answer(answer: str, expected: str) -> None:
    assert region(answer) == expected


def endpoint(address: str, port: int, total: dict[str, str]) -> dict[str, object]:
    return {
        "address": {"socket_address": {"address": address, "port_value": port}},
        "stats": [{"name": "cx_total", "value": "1"}, {"name": "rq_total", **total}],
    }


def test_requests_are_counted_by_endpoint_and_one_without_any_has_zero() -> None:
    hosts = [endpoint("10.2.0.9", 9898, {"value": "20"}), endpoint("203.0.113.15", 15443, {})]
    clusters = [
        {"name": HELLO_CLUSTER, "host_statuses": hosts},
        {"name": "outbound|443||kubernetes.default.svc.cluster.local"},
    ]
    assert counted({"cluster_statuses": clusters}) == {("10.2.0.9", 9898): 20, ("203.0.113.15", 15443): 0}
