"""Claims about the failover job: where it runs, with which rights, and what it is told."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from fleet.config.settings import Failover
from fleet.karmada import failover
from fleet.naming import FAILOVER
from tests.unit.configs import stack
from tests.unit.graph import Graph, build, is_secret

if TYPE_CHECKING:
    from pathlib import Path

CRON_JOB = "kubernetes:batch/v1:CronJob"
SECRET = "kubernetes:core/v1:Secret"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"


def dev(layers: tuple[str, ...] = ("karmada", "mesh", "workloads"), **settings: object) -> Graph:
    return build(stack("dev") | {"karmada": {"failover": settings}, "layers": list(layers)})


def pod_of(graph: Graph) -> Any:
    (job,) = graph.of_type(CRON_JOB)
    return job.plain()["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_the_job_runs_on_the_manager_and_reads_its_credentials_from_a_secret() -> None:
    graph = dev()
    (job,) = graph.of_type(CRON_JOB)
    secret = graph.one(SECRET, "karmada-failover-secret")
    assert job.provider_name == secret.provider_name == "cluster-manager-provider"
    assert is_secret(secret.inputs["stringData"]) or is_secret(secret.inputs["stringData"]["kubeconfig"])
    pod = pod_of(graph)
    assert pod["volumes"][0]["secret"]["secretName"] == secret.plain()["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False


def test_kubernetes_puts_nothing_into_its_rule_and_its_line() -> None:
    """Kubernetes reads $(NAME) and $$ in both as its own; of unknown names it makes nothing."""
    (container,) = pod_of(dev())["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment["RULE"] == failover.RULE.read_text()
    for text in (environment["RULE"], container["command"][-1]):
        assert "$$" not in text
        assert not any(f"$({name})" in text for name in environment)


def test_its_user_reads_members_and_deployments_and_changes_bindings_and_nothing_else() -> None:
    graph = dev()
    assert [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in rules(graph)] == [
        (["cluster.karmada.io"], ["clusters"], ["list"]),
        (["work.karmada.io"], ["resourcebindings"], ["list", "get", "patch"]),
        (["work.karmada.io"], ["resourcebindings/status"], ["get", "patch"]),
        (["apps"], ["deployments"], ["list"]),
    ]
    request = graph.one("tls:index/certRequest:CertRequest", "karmada-failover-identity-request").plain()
    assert request["subject"] == {"commonName": failover.USER}, "no group: only its own role counts"


def rules(graph: Graph) -> list[Any]:
    found: list[Any] = graph.one(ROLE, "karmada-failover-role").plain()["rules"]
    return found


def test_its_user_is_the_producer_of_the_evictions_that_it_undoes() -> None:
    assert f'def user: "{failover.USER}";' in failover.RULE.read_text()


def test_it_is_there_without_fleets_own_workloads_for_those_of_others() -> None:
    assert len(dev(layers=("karmada",)).of_type(CRON_JOB)) == 1


def test_the_config_says_how_long_it_waits_and_whether_it_brings_home() -> None:
    assert "patches(300; true)" in failover.command(Failover())
    assert "paths(30; false)" in failover.command(Failover(toleration_seconds=30, come_home=False))
    assert "(90; true)" in pod_of(dev(tolerationSeconds=90))["containers"][0]["command"][-1]


def test_the_stack_says_whether_there_is_one_and_it_is_called_what_verify_asks_for() -> None:
    graph = dev()
    (job,) = graph.of_type(CRON_JOB)
    assert graph.outputs["stack"]["failover"] is True
    assert job.plain()["metadata"] == {"name": FAILOVER, "namespace": "karmada-system"}
    assert dev(enabled=False).outputs["stack"]["failover"] is False
    assert dev(layers=()).outputs["stack"]["failover"] is False


def test_nothing_is_left_of_it_where_the_config_turns_it_off() -> None:
    graph = dev(enabled=False)
    assert graph.of_type(CRON_JOB) == []
    assert [node.name for node in graph.nodes.values() if "failover" in node.name] == []


KUBECTL = """#!/bin/bash
case "$*" in
  "get --raw /apis/cluster.karmada.io/v1alpha1/clusters") echo members ;;
  "get --raw /apis/"*) echo "seen $3" ;;
  patch*) printf '%s|' "$@" >>made ;;
esac
"""
JQ = """#!/bin/bash
case "$*" in
  "--raw-output def x: 1; paths(300; true)") [ "$(cat)" = members ] && printf '/apis/one\\n/apis/two\\n' ;;
  "--raw-output --slurp def x: 1; patches(300; true)") cat >read; cat patches ;;
esac
"""
PATCH = '[{"value":"a \\"quoted  \\\\n one"}]'


def test_its_line_hands_to_the_rule_what_it_asks_for_and_to_karmada_what_it_says(tmp_path: Path) -> None:
    for name, script in {"kubectl": KUBECTL, "jq": JQ}.items():
        program = tmp_path / name
        program.write_text(script)
        program.chmod(0o755)
    (tmp_path / "patches").write_text(f"default a --subresource= {PATCH}\nother b --subresource=status []\n")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RULE": "def x: 1;"}
    line = ["bash", "-o", "pipefail", "-c", failover.command(Failover())]
    subprocess.run(line, env=environment, cwd=tmp_path, check=True)
    assert (tmp_path / "read").read_text().splitlines() == ["members", "seen /apis/one", "seen /apis/two"]
    kind = "resourcebindings.work.karmada.io"
    assert (tmp_path / "made").read_text().split("|")[:-1] == [
        *("patch", kind, "a", "--namespace=default", "--subresource=", "--type=json", f"--patch={PATCH}"),
        *("patch", kind, "b", "--namespace=other", "--subresource=status", "--type=json", "--patch=[]"),
    ]
