"""What an HAProxy is told of its NodeBalancer."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from sandbox.clusters.balancers.configuration import configuration, quoted, served
from sandbox.clusters.balancers.runtime_api import running_servers
from sandbox.clusters.network.plan import BALANCERS, PRIVATE_BALANCERS, private_address
from sandbox.linode.balancers import BalancerSpec, CheckSpec, PortSpec, TargetSpec

WHOLE = """\
global
  uid 65534
  gid 65534
  nbthread 1
  maxconn 10000
  no strict-limits
  stats socket /run/1/haproxy.sock mode 600 level admin expose-fd listeners
  server-state-file /run/1/servers
  mworker-max-reloads 10
defaults
  timeout connect 5s
  timeout client 24h
  timeout server 24h
  timeout http-request 10s
  retries 2
  option redispatch
  option splice-auto
  load-server-state-from-file global
backend throttle
  stick-table type ip size 100k expire 10s store conn_rate(1s)
listen port443
  bind 203.0.113.10:443
  mode tcp
  tcp-request connection track-sc0 src table throttle
  tcp-request connection reject if { sc0_conn_rate(throttle) gt 7 }
  balance leastconn
  timeout check 3s
  server 198.51.100.10_30443 198.51.100.10:30443 source 192.168.255.10 weight 100 send-proxy-v2 check inter 5s fall 2 rise 1
  server 198.51.100.11_30443 198.51.100.11:30443 source 192.168.255.10 weight 0 send-proxy-v2 check inter 5s fall 2 rise 1
listen port80
  bind 203.0.113.10:80
  mode http
  tcp-request connection track-sc0 src table throttle
  tcp-request connection reject if { sc0_conn_rate(throttle) gt 7 }
  option httpclose
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  balance roundrobin
  cookie NB_SRVID insert indirect nocache
  timeout check 2s
  option httpchk
  http-check send meth GET uri /healthz
  http-check expect status 200-399
  http-check expect string all\\x20is\\x20well
  server 198.51.100.10_30080 198.51.100.10:30080 source 192.168.255.10 weight 100 cookie 0 check inter 9s fall 4 rise 1 observe layer7 error-limit 4 on-error mark-down
  server 198.51.100.11_30080 198.51.100.11:30080 source 192.168.255.10 weight 50 backup cookie 1 check inter 9s fall 4 rise 1 observe layer7 error-limit 4 on-error mark-down
"""  # noqa: E501  # a server is a line


def check(**given: Any) -> CheckSpec:
    usual = {"kind": "none", "interval": 5, "timeout": 3, "attempts": 2, "path": "", "body": "", "passive": False}
    return CheckSpec(**{**usual, **given})


def target(address: str, *, weight: int = 100, mode: str = "accept") -> TargetSpec:
    return TargetSpec(address=address, weight=weight, mode=mode)


def port(number: int = 80, **given: Any) -> PortSpec:
    usual = {
        "protocol": "tcp",
        "algorithm": "roundrobin",
        "stickiness": "none",
        "proxy_protocol": "none",
        "check": check(),
        "targets": (target("198.51.100.10:30080"),),
    }
    return PortSpec(port=number, **{**usual, **given})


def text(*ports: PortSpec, throttle: int = 0) -> str:
    balancer = BalancerSpec(id=1, address="203.0.113.10", connections_a_second=throttle, ports=ports)
    folder = Path("/run/1")
    source = private_address(IPv4Address(balancer.address))
    return configuration(balancer, source=source, socket=folder / "haproxy.sock", servers=folder / "servers")


def test_all_that_an_account_says_of_a_balancer_is_told() -> None:
    secure = port(
        443,
        algorithm="leastconn",
        proxy_protocol="v2",
        check=check(kind="connection"),
        targets=(target("198.51.100.10:30443"), target("198.51.100.11:30443", mode="drain")),
    )
    page = check(kind="http_body", interval=9, timeout=2, attempts=4, path="/healthz", body="all is well", passive=True)
    web = port(
        protocol="http",
        stickiness="http_cookie",
        check=page,
        targets=(target("198.51.100.10:30080"), target("198.51.100.11:30080", weight=50, mode="backup")),
    )
    assert text(secure, web, throttle=7) == WHOLE


def test_without_a_throttle_nobody_is_counted() -> None:
    assert "conn_rate" not in text(port())


def test_the_proxy_protocol_is_for_tcp_alone() -> None:
    assert "weight 100 send-proxy\n" in text(port(proxy_protocol="v1"))
    assert "send-proxy" not in text(port(protocol="http", proxy_protocol="v1"))


def test_what_haproxy_cannot_carry_is_left_out() -> None:
    ports = (port(53, protocol="udp"), port(443, protocol="https"), port(80))
    balancer = BalancerSpec(id=1, address="203.0.113.10", connections_a_second=0, ports=ports)
    assert [carried.port for carried in served(balancer)] == [80]


@pytest.mark.parametrize("words", ['a "b" c', "a\nbind :1", "#", "\\x41", "$HOME", "{ }", "ä", "a'b"])
def test_no_text_of_a_user_is_more_than_a_word(words: str) -> None:
    written = quoted(words)
    assert set(written) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/\\")
    assert bytes(written, "ascii").decode("unicode_escape").encode("latin-1").decode() == words


def test_every_balancer_calls_nodes_from_an_address_of_its_own() -> None:
    sources = {private_address(address) for address in BALANCERS.hosts()}
    assert len(sources) == 254
    assert all(source in PRIVATE_BALANCERS for source in sources)


def test_backends_that_take_connections_are_read_from_what_haproxy_tells() -> None:
    told = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state
3 port80 1 198.51.100.10_30080 198.51.100.10 2 0
3 port80 2 198.51.100.11_30080 198.51.100.11 0 0
"""
    assert running_servers(told) == {("port80", "198.51.100.10_30080")}
