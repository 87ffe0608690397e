"""Claims about the way back: who asks Karmada to place workloads anew, when, and with which rights."""

import re

import yaml

from fleet.karmada import homecoming
from tests.unit.configs import stack
from tests.unit.graph import Graph, build, is_secret

CRON_JOB = "kubernetes:batch/v1:CronJob"
SECRET = "kubernetes:core/v1:Secret"


def dev(**failover: object) -> Graph:
    return build(stack("dev") | {"karmada": {"failover": failover}})


def test_both_workloads_are_named_by_every_rebalancer() -> None:
    template = homecoming.rebalancers([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello"}], "default")
    body = template.removeprefix("{{range .items}}{{if not .spec.taints}}---\n").removesuffix("{{end}}{{end}}")
    found = {"name": "us", "uid": "0c9a", "generation": "7"}
    filled = re.sub(r"{{\.metadata\.(\w+)}}", lambda field: found[field[1]], body)
    assert yaml.safe_load(filled) == {
        "apiVersion": "apps.karmada.io/v1alpha1",
        "kind": "WorkloadRebalancer",
        "metadata": {"name": "us-0c9a-7"},
        "spec": {
            "workloads": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello", "namespace": "default"}]
        },
    }


def test_the_job_runs_on_the_manager_and_reads_its_credentials_from_a_secret() -> None:
    graph = dev()
    (job,) = graph.of_type(CRON_JOB)
    secret = graph.one(SECRET, "karmada-homecoming-secret")
    assert job.provider_name == secret.provider_name == "cluster-manager-provider"
    assert is_secret(secret.inputs["stringData"]) or is_secret(secret.inputs["stringData"]["kubeconfig"])
    pod = job.plain()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["secret"]["secretName"] == secret.plain()["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False


def test_its_user_may_list_members_and_make_rebalancers_and_nothing_else() -> None:
    graph = dev()
    role = graph.one("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "karmada-homecoming-role").plain()
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["clusters"], ["list"]),
        (["workloadrebalancers"], ["get", "create", "patch"]),
    ]
    request = graph.one("tls:index/certRequest:CertRequest", "karmada-homecoming-identity-request").plain()
    assert request["subject"] == {"commonName": homecoming.USER}, "no group: only its own role counts"


def test_replicas_stay_away_where_the_config_says_so() -> None:
    assert dev(comeHome=False).of_type(CRON_JOB) == []
    assert dev(enabled=False).of_type(CRON_JOB) == [], "what never leaves need not come home"
