"""What annotations of a Service mean for its NodeBalancer."""

from __future__ import annotations

import pytest

from sandbox.clusters.cloud_controller.annotations import AnnotationError, port_settings, tags, throttle
from tests.clusters.services import service


@pytest.mark.parametrize(
    ("annotations", "named"),
    [
        ({"default_protocol": "sctp"}, "default-protocol is not understood: it is 'sctp'. Make it one of tcp, udp,"),
        ({"default_proxy_protocol": "v3"}, "Make it one of none, v1, v2"),
        ({"default_algorithm": "ring_hash"}, "Make it one of roundrobin, leastconn, source"),
        ({"check_type": "ping"}, "Make it one of none, connection, http, http_body"),
        ({"check_type": "http_body"}, "check-body is not understood"),
        ({"check_interval": "soon"}, "Make it a number"),
        ({"port_80": "http"}, "port-80 is not understood: it is 'http'. Make it a JSON object"),
        ({"port_80": '{"protocol": 5}'}, "a JSON object of strings"),
    ],
)
def test_an_annotation_that_is_not_understood_is_named_with_what_it_may_be(
    annotations: dict[str, str], named: str
) -> None:
    asked = service(**annotations)
    with pytest.raises(AnnotationError) as caught:
        port_settings(asked, asked.spec.ports[0])
    assert named in str(caught.value)


@pytest.mark.parametrize(("asked", "given"), [("5", 5), ("99", 20), ("-1", 0), ("many", 0)])
def test_the_throttle_is_what_linode_makes_of_it(asked: str, given: int) -> None:
    assert throttle(service(throttle=asked)) == given


def test_a_port_of_its_own_says_more_than_the_default() -> None:
    asked = service(default_protocol="http", port_443='{"protocol": "TCP", "proxy-protocol": "v1"}')
    http, https = (port_settings(asked, port) for port in asked.spec.ports)
    assert (http["protocol"], http["proxy_protocol"], http["stickiness"]) == ("http", "none", "table")
    assert (https["protocol"], https["proxy_protocol"]) == ("tcp", "v1")
    assert "stickiness" not in https, "TCP has none"


def test_the_clusters_tag_comes_first() -> None:
    assert tags(service(tags="web,shop"), 7) == ["lke7", "web", "shop"]
