"""Claims about the entries of workloads: what is refused, where, and that all of it comes in one report."""

import re
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from fleet.config.reader import ConfigError, parse
from fleet.config.workload_fields import amount, protocol_of
from tests.unit.configs import ROOT, article, fleet_of, stack

SHOP: dict[str, Any] = {"image": "ghcr.io/example/shop:1.4.2", "ports": {"http": 8080}}


def with_entries(**entries: dict[str, Any]) -> dict[str, Any]:
    return fleet_of(2) | {"workloads": entries}


def errors_of(**entries: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(with_entries(**entries))
    return caught.value.errors


def test_an_entry_needs_no_more_than_its_image() -> None:
    shop = parse(with_entries(shop={"image": "shop"})).workloads["shop"]
    assert (shop.namespace, shop.replicas, shop.callers, shop.ingress) == ("default", 3, (), None)


def test_the_entries_of_the_documentation_are_taken() -> None:
    page = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")
    shown = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    first = next(one for one in shown if "config" not in one)
    whole = {key.removeprefix("fleet:"): value for one in shown for key, value in one.get("config", {}).items()}
    secrets = {name: SecretStr("x") for name in ("shop-database", "registry-password")}
    config = parse(stack("dev") | whole | {"workloads": article() | whole["workloads"] | first, "secrets": secrets})
    assert {"shop", "cart", "greeter"} <= config.workloads.keys()


def test_what_may_be_short_is_the_same_in_full() -> None:
    probe, port = {"path": "/readyz"}, {"port": 8080}
    short = SHOP | {"probes": {"ready": "/readyz"}}
    full = SHOP | {"probes": {"ready": probe}, "ports": {"http": port}}
    assert parse(with_entries(shop=short)).workloads == parse(with_entries(shop=full)).workloads


REFUSED = [
    ({}, "image: missing; an entry says all that a workload is, and Pulumi.dev.yaml has those of the article"),
    (SHOP | {"namespace": "istio-shop"}, "namespace: 'istio-shop' is refused: begins with istio-"),
    (SHOP | {"ports": {"web": 80}}, "ports.web: 'web' is refused: tells Istio no protocol; call it http"),
    (SHOP | {"ports": {"http": "8080"}}, "ports.http: '8080' is refused: must be a number without quotes, or a table"),
    (SHOP | {"probes": {"live": 8080}}, "probes.live: 8080 is refused: must be a text, or a table with path"),
    (SHOP | {"probes": {"live": {"port": 8080}}}, "8080 is refused: must be the name that the port has under ports"),
    (SHOP | {"ingress": {"hosts": ["a.b"], "port": 8080}}, "8080 is refused: must be the name that the port has under"),
    (SHOP | {"weights": {"m0": 0}}, "0 is refused: must be from 1 to 1000; leave a member out that is to have no"),
    (SHOP | {"ports": {"http": 15001}}, "ports.http.port: 15001 is refused: is one of the sidecar's"),
    (SHOP | {"ports": {"http": 80, "http-admin": 80}}, "ports.http-admin: 80 is the number of 'http' too"),
    (
        SHOP | {"ports": {"http": {"port": 80, "target": 9}, "tcp": {"port": 81, "target": 9}}},
        "ports.tcp: target 9 is that of 'http' too; two ports need two listeners",
    ),
    (SHOP | {"weights": {"mars": 1}}, "weights.mars: 'mars' is not a member; the members are m0, m1"),
    (SHOP | {"perMember": {"mars": {}}}, "perMember.mars: 'mars' is not a member"),
    (SHOP | {"traffic": {"failover": ["mars"]}}, "traffic.failover: 'mars' is not a member"),
    (SHOP | {"traffic": {"mode": "global", "failover": ["m0"]}}, "traffic.failover: orders regions, and mode 'global'"),
    (SHOP | {"callers": ["cart"]}, "callers.0: 'cart' is not a workload; the workloads are shop"),
    (SHOP | {"callers": ["ingress"]}, "callers.0: 'ingress' is no workload; the gateways may call what has hosts"),
    (SHOP | {"callers": ["shop", "shop"]}, "callers.1: 'shop' stands twice; drop one"),
    ({"image": "x", "callers": ["shop"]}, "callers: is for calls, and there is no port to call"),
    ({"image": "x", "ingress": {"hosts": ["*"]}}, "ingress: is for calls, and there is no port to call"),
    ({"image": "x", "ports": {"tcp": 9}, "ingress": {"hosts": ["*"]}}, "ingress: is for HTTP alone, and no port is"),
    ({"image": "x", "ports": {"tcp": 9}, "traffic": {"retries": 2}}, "traffic.retries: is for requests"),
    (SHOP | {"ingress": {"hosts": ["a.b"], "port": "grpc"}}, "ingress.port: 'grpc' is not one of the ports"),
    (SHOP | {"ingress": {"hosts": ["http://a.b"]}}, "ingress.hosts.0: 'http://a.b' is refused: must be a host without"),
    (SHOP | {"ingress": {"hosts": ["a.b"], "paths": ["/a/"]}}, "ingress.paths.0: '/a/' is refused: must be a path"),
    (SHOP | {"probes": {"live": {"port": "grpc"}}}, "probes.live.port: 'grpc' is not one of the ports"),
    ({"image": "x", "probes": {"live": "/"}}, "probes.live: asks a port, and there is none"),
    (SHOP | {"probes": {"live": {"path": "/", "command": ["a"]}}}, "probes.live: has a command and a port to ask"),
    (SHOP | {"env": {"A B": "c"}}, "env.A B: 'A B' is refused: must be the name of an environment variable"),
    (SHOP | {"env": {"PORT": 80}}, "env.PORT: 80 must be a string; put it in quotes"),
    (SHOP | {"env": {"A": "$(B)", "B": "$(A)"}}, "env: A uses B uses A, and Kubernetes knows only what stands before"),
    (
        SHOP | {"env": {"A": "$(B)", "B": "b"}, "perMember": {"m0": {"env": {"B": "$(A)"}}}},
        "perMember.m0.env: A uses B uses A, and",
    ),
    (SHOP | {"files": {"etc/a": "b"}}, "files.etc/a: 'etc/a' is refused: must be the whole path of a file"),
    (SHOP | {"files": {"/etc/a": "in ${region}"}}, "files./etc/a: has ${region} or ${member}, which is filled in in"),
    (
        SHOP | {"files": {"/a": "x" * 2**20 + "y"}},
        "files: have 1048579 bytes as JSON, in which Karmada keeps them, and all of",
    ),
    (SHOP | {"env": {"A": {"secret": "db"}}}, "env.A: {'secret': 'db'} is refused: names a secret, which pods have as"),
    (SHOP | {"files": {"/a": {"secret": "db"}}}, "names a secret, which pods have as a variable of secretEnv alone"),
    (SHOP | {"env": {"A" * 254: "b"}}, "has more than 253 characters, which no key of a Secret has"),
    (SHOP | {"files": {f"/{'a' * 254}": "b"}}, "is over the 253 characters of a ConfigMap's key"),
    (SHOP | {"files": {"/a": "b", "/a/c": "d"}}, "files./a/c: is below /a, which is a file as well"),
    (SHOP | {"files": {"/proc/a": "b"}}, "is where the system has files of its own"),
    (SHOP | {"files": {"/a": '"' * 2**19 + "x"}}, "have 1048579 bytes as JSON, in which Karmada keeps them"),
    (SHOP | {"files": {"/a": "<" * 2**18}}, "have 1572866 bytes as JSON"),
    (SHOP | {"probes": {"live": {"command": ["a", "${region}"]}}}, "probes.live.command: has ${region} or ${member}, "),
    (SHOP | {"labels": {"a": "${member}" + "b" * 62}}, f"labels.a: would be 'm0{'b' * 62}' in m0, and a label has at"),
    (SHOP | {"labels": {"istio": "ingressgateway"}}, "labels.istio: 'istio' is refused: is a label by which Fleet"),
    (SHOP | {"disruption": {"maxUnavailable": 2**31}}, "must be a whole number from 1 to 10000, or a share"),
    (SHOP | {"ingress": {"hosts": ["a.b"], "paths": ["/../a"]}}, "has a part that is . or .., which is gone before"),
    (SHOP | {"labels": {"app": "x"}}, "labels.app: 'app' is refused: is a label by which Fleet"),
    (SHOP | {"labels": {"sidecar.istio.io/inject": "false"}}, "is a label by which Fleet, Istio or Karmada know pods"),
    (SHOP | {"labels": {"where": "in ${region}"}}, "labels.where: 'in ${region}' is refused: must be a Kubernetes"),
    (SHOP | {"resources": {"cpu": "128Mi"}}, "resources.cpu: '128Mi' is refused: would be bytes; write cores, such as"),
    (
        SHOP | {"resources": {"memory": "128m"}},
        "'128m' is refused: is less than a MiB, in which nothing runs; write '128Mi' if",
    ),
    (SHOP | {"resources": {"limits": {"memory": "512"}}}, "limits.memory: '512' is refused: is less than a MiB"),
    (SHOP | {"resources": {"cpu": "1.5x"}}, "resources.cpu: '1.5x' is refused: must be a quantity of Kubernetes"),
    (
        SHOP | {"resources": {"memory": "1Gi", "limits": {"memory": "512Mi"}}},
        "memory asks for 1Gi, which is over its limit of 512Mi; raise the limit",
    ),
    (
        SHOP | {"resources": {"limits": {"cpu": "1"}}, "perMember": {"m0": {"resources": {"cpu": "2"}}}},
        "perMember.m0.resources: cpu asks for 2, which is over its limit of 1; raise the limit",
    ),
    (SHOP | {"disruption": {"maxUnavailable": 0}}, "must be a whole number from 1 to 10000, or a share such as '25%'"),
    (SHOP | {"runAsUser": 0}, "runAsUser: 0 is refused: is root, whom the level restricted of pod security rules out"),
    (SHOP | {"runAsUser": 1337}, "runAsUser: 1337 is refused: is the sidecar's, whose calls go past it"),
    (SHOP | {"ingress": {"hosts": ["a.b"], "paths": ["/a*"]}}, "ingress.paths.0: '/a*' is refused: must be a path"),
    (SHOP | {"secretEnv": {"A": {"secret": {"secret": "b"}}}}, "secretEnv.A: is no reference"),
    (SHOP | {"secretEnv": {"A": {"secret": ["b"]}}}, "secretEnv.A: is no reference"),
    (SHOP | {"privileged": True}, "privileged: privileged is not a workload's to say: every pod has its own identity"),
    (SHOP | {"securityContext": {}}, "securityContext: securityContext is not a workload's to say"),
    (SHOP | {"replica": 3}, "replica: unknown key (set to 3); Pulumi.yaml describes those that there are"),
]


@pytest.mark.parametrize(("entry", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_an_error_names_the_key_of_the_entry_and_the_remedy(entry: dict[str, Any], said: str) -> None:
    (error,) = errors_of(shop=entry)
    assert error.startswith("workloads.shop.")
    assert said in error


@pytest.mark.parametrize("name", ["Shop", "9shop", "ingress", "s" * 41, "istio-proxy", "a-not-from-b", "a-without-b"])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    (error,) = errors_of(**{name: SHOP})
    assert error.startswith(f"workloads.{name}: ")


def test_a_login_has_no_colon_in_its_name() -> None:
    logins = {"ghcr.io": {"username": "bot:x", "password": {"secret": "registry"}}}
    with pytest.raises(ConfigError, match=r"registries\.ghcr\.io\.username: is refused: has a colon"):
        parse(fleet_of(2) | {"registries": logins, "secrets": {"registry": SecretStr("x")}})


def test_the_api_servers_own_service_is_nobodys() -> None:
    (error,) = errors_of(kubernetes=SHOP)
    assert "'default' has 'kubernetes' already" in error
    assert parse(with_entries(kubernetes=SHOP | {"namespace": "shop"}))


def served(*paths: str, host: str = "shop.example") -> dict[str, Any]:
    return SHOP | {"ingress": {"hosts": [host], "paths": list(paths)}}


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (served("/"), served("/", host="SHOP.example"), "'shop.example' and '/' lead to 'a' already"),
        (served("/cart"), served("/cart/x"), "'/cart/x' and '/cart' of 'a' at 'shop.example' are below each other"),
        (served("/cart/x"), served("/cart"), "are below each other"),
    ],
)
def test_two_workloads_do_not_share_a_host_and_path(one: dict[str, Any], other: dict[str, Any], said: str) -> None:
    (error,) = errors_of(a=one, b=other)
    assert error.startswith("workloads.b.ingress: ")
    assert said in error


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (served("/"), served("/cart")),
        (served("/cart"), served("/cartoon")),
        (served("/"), served("/", host="*")),
    ],
)
def test_two_workloads_share_a_host_by_paths_that_are_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert parse(with_entries(a=one, b=other))


def test_two_workloads_never_have_one_identity() -> None:
    raw = with_entries(shop=SHOP, **{"shop-m": SHOP})
    raw["clusters"] |= {"m-x": raw["clusters"].pop("m0"), "x": raw["clusters"].pop("m1")}
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    (error,) = caught.value.errors
    assert "would be 'shop-m-x' in x, as 'shop' is in m-x; rename it, or give it another namespace" in error


def test_a_secret_in_plain_text_is_refused_and_not_shown() -> None:
    (error,) = errors_of(shop=SHOP | {"secretEnv": {"PASSWORD": "hunter2"}})
    assert "hunter2" not in error
    assert "is no reference" in error
    assert "write {secret: NAME} here" in error


LOGIN = {"username": "bot", "password": {"secret": "registry"}}


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("workloads", [{"name": "shop", "secretEnv": {"PASSWORD": "hunter2"}}]),
        ("workloads", {"shop": [{"secretEnv": {"PASSWORD": "hunter2"}}]}),
        ("workloads", {"shop": SHOP | {"secretEnv": "hunter2"}}),
        ("workloads", {"shop": SHOP | {"secretEnv": ["PASSWORD=hunter2"]}}),
        ("workloads", {"shop": SHOP | {"secretEnv": {"PASSWORD": {"value": "hunter2"}}}}),
        ("workloads", {"shop": SHOP | {"secretEnv": {"PASSWORD": {"secret": ["hunter2"]}}}}),
        ("workloads", {"shop": SHOP | {"secretEnv": {"PASSWORD": {"secret": {"is": "hunter2"}}}}}),
        ("workloads", {"shop": SHOP | {"secretenv": {"PASSWORD": "hunter2"}}}),
        ("registries", "bot:hunter2"),
        ("registries", {"ghcr.io": "bot:hunter2"}),
        ("registries", {"ghcr.io": LOGIN | {"pasword": "hunter2"}}),
        ("registries", {"ghcr.io": LOGIN | {"password": ["hunter2"]}}),
        ("registries", {"ghcr.io": LOGIN | {"username": {"bot": "hunter2"}}}),
    ],
)
def test_what_stands_where_secrets_are_is_refused_and_not_shown_whatever_its_form(section: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(fleet_of(2) | {"secrets": {"registry": SecretStr("x")}} | {section: value})
    assert any(error.startswith(section) for error in caught.value.errors)
    assert "hunter2" not in str(caught.value)


def test_secrets_of_workloads_and_registries_are_named_like_those_of_charts() -> None:
    raw = with_entries(shop=SHOP | {"secretEnv": {"URL": {"secret": "shop"}}})
    raw |= {"registries": {"ghcr.io": {"username": "bot", "password": {"secret": "registry"}}}}
    with pytest.raises(ConfigError) as caught:
        parse(raw | {"secrets": {"unused": SecretStr("x")}})
    assert [error.partition(":")[0] for error in caught.value.errors] == [
        "workloads.shop.secretEnv.URL",
        "registries.ghcr.io.password",
        "secrets.unused",
    ]
    assert parse(raw | {"secrets": {name: SecretStr("x") for name in ("shop", "registry")}})


def test_all_mistakes_of_all_entries_come_in_one_report() -> None:
    found = errors_of(
        shop=served("/") | {"callers": ["nobody"], "weights": {"mars": 1}, "ports": {"http": 80, "http-b": 80}},
        cart=served("/") | {"image": "Foo/Bar:1", "secretEnv": {"A": "plain", "B": {"secret": "gone"}}},
        api=SHOP | {"ingress": {"hosts": ["a.*.b"]}},
    )
    assert sorted(error.partition(": ")[0] for error in found) == [
        "workloads.api.ingress.hosts.0",
        "workloads.cart.image",
        "workloads.cart.ingress",
        "workloads.cart.secretEnv.A",
        "workloads.cart.secretEnv.B",
        "workloads.shop.callers.0",
        "workloads.shop.ports.http-b",
        "workloads.shop.weights.mars",
    ]


def test_a_member_whose_entry_is_wrong_is_not_missed_as_well() -> None:
    named = {"weights": {"m1": 1}, "perMember": {"m1": {}}, "traffic": {"failover": ["m1"]}}
    raw = with_entries(shop=SHOP | named)
    raw["traffic"] = {"failover": ["m1"], "forbidden": [{"from": "m1", "to": "m0"}]}
    raw["clusters"]["m1"]["region"] = 7
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    assert [error.partition(": ")[0] for error in caught.value.errors] == ["clusters.m1.region"]


def test_a_caller_whose_name_is_refused_is_not_missed_as_well() -> None:
    (error,) = errors_of(shop=SHOP | {"callers": ["cart"]}, cart={"image": 7})
    assert error.startswith("workloads.cart.image")


@pytest.mark.parametrize(
    ("port", "protocol"),
    [("http", "http"), ("http-admin", "http"), ("grpc-web", "grpc-web"), ("grpc-x", "grpc"), ("web", None)],
)
def test_a_port_tells_its_protocol_by_the_beginning_of_its_name(port: str, protocol: str | None) -> None:
    assert protocol_of(port) == protocol


def test_quantities_are_compared_as_numbers() -> None:
    assert amount("1500m") > amount("1") > amount("0.5")
    assert amount("1Gi") > amount("1G") == amount("1000M") > amount("900Mi")
