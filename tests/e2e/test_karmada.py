"""What Karmada promises, on real pods in three regions: placement by config, members that come and go, and rights."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.verify import karmada
from tests.e2e.clients import AccountClient, eventually
from tests.e2e.running import changes_nothing, hello_by_member, wrong
from tests.e2e.secrets import files_below, in_base64, made_in, readable, secrets_in
from tests.e2e.stack import hidden_in

if TYPE_CHECKING:
    from tests.e2e.running import Fleet
    from tests.e2e.secrets import CommandLines

pytestmark = pytest.mark.privileged

TEN = {"replicas": 10}
OF_ALL_MEMBERS = {"karmada-firewall-nodes"} | {f"{workload}.placement.policy" for workload in ("hello", "sleep")}


def test_every_claim_about_members_placement_answers_and_rights_holds(fleet: Fleet, tmp_path: Path) -> None:
    assert wrong(fleet.configured(), tmp_path) == []


def test_a_second_up_changes_nothing_and_there_is_no_drift(fleet: Fleet) -> None:
    said = fleet.configured().up()
    assert changes_nothing(said), said
    assert "warning" not in said.lower(), said
    # What the drift workflow asks. A refresh alone also writes down the inputs of what the program only reads.
    fleet.stack.run("preview", "--refresh", "--expect-no-changes", "--non-interactive", "--color=never")


def test_no_private_key_and_no_token_is_readable_anywhere(fleet: Fleet, command_lines: CommandLines) -> None:
    stack = fleet.stack
    state = stack.exported()
    secrets, made = secrets_in(state), made_in(state)
    assert len(made) == 2, "a key of encryption at rest and one to the bucket of backups"
    assert sum(what.startswith("key ") for what in secrets) >= 40, "of authorities, servers, agents and operators"
    assert sum(what.startswith("token ") for what in secrets) >= 11, "of administrators, viewers and remote readers"
    handed_out = secrets_in([fleet.outputs[name] for name in ("kubeconfigs", "karmadaKubeconfig", "viewKubeconfigs")])
    assert handed_out.keys() <= secrets.keys()
    assert len(handed_out) == 8 + 2 * 2, "two tokens for each cluster, and two keys for Karmada, as PEM and in base64"
    secrets |= made
    secrets["the token of the Linode API"] = stack.layout.token.read_text()
    secrets |= {f"{name} of the config": value for name, value in stack.hidden.items()}
    secrets |= {f"{name} of the config in base64": in_base64(value) for name, value in stack.hidden.items()}
    places = [
        ("the outputs", stack.run("stack", "output", "--json").encode()),
        ("the exported state", stack.run("stack", "export").encode()),
        ("what Pulumi printed", stack.said.read_bytes()),
        *files_below(stack.layout.stacks),
        *files_below(stack.layout.logs),
        # One run was stopped while charts were being installed, and plugins then have no time to tidy up.
        *(file for folder in Path(tempfile.gettempdir()).glob("fleet-*") for file in files_below(folder)),
        *((f"the arguments of {line[:80]!r}", line) for line in command_lines.seen),
    ]
    assert readable(secrets, places) == []
    assert any(b"pulumi" in line for line in command_lines.seen), "the watch has seen the run"


def test_a_secret_of_the_config_reaches_the_chart_that_names_it(fleet: Fleet) -> None:
    (name, value), *_ = fleet.stack.hidden.items()
    for member in fleet.members.values():
        pods = member.get("pods", "--selector=app=istiod", "--namespace=istio-system")["items"]
        assert [pod["metadata"]["annotations"][hidden_in(name)] for pod in pods] == [value] * len(pods), member.name
        assert pods, "the search for it looks for what is there"


def test_ten_replicas_and_equal_weights_leave_no_region_a_whole_pod_off(fleet: Fleet, tmp_path: Path) -> None:
    assert wrong(fleet.configured(workloads={"hello": TEN}), tmp_path) == []


def test_the_articles_weights_move_pods_by_config_alone(fleet: Fleet) -> None:
    wanted = {"us": 4, "ap": 2, "eu": 4}
    members = fleet.configured(workloads={"hello": TEN | {"weights": {"us": 2, "ap": 1, "eu": 2}}}).members
    eventually(lambda: hello_by_member(members) == wanted, f"hello runs as {wanted}")


def of_others(names: set[str]) -> set[str]:
    """Resources that are not ap's own, and not what others know of ap."""
    return {
        name for name in names if not name.startswith("ap-") and "ap" not in name.split(".") and "-reads-ap" not in name
    }


def test_a_member_goes_and_comes_with_its_entry_and_no_other_member_changes(fleet: Fleet, tmp_path: Path) -> None:
    account = AccountClient(layout=fleet.layout, folder=tmp_path)
    without = {"ap": None}
    fleet.configured()
    changes = fleet.stack.changes(clusters=without)
    assert changes.pop("update") == OF_ALL_MEMBERS, "Karmada's weights and its door alone name all members"
    assert of_others({name for names in changes.values() for name in names}) == set()
    clusters = account.call("GET", "lke/clusters")["data"]
    [ap] = [cluster["id"] for cluster in clusters if cluster["label"].startswith("ap-")]
    assert account.billed_for(ap), "its gateways have load balancers"
    members = fleet.configured(clusters=without).members
    assert account.billed_for(ap) == [], "its cloud controller, which deletes them, is gone"
    assert set(members) == {"eu", "us"}
    eventually(lambda: sum(hello_by_member(members).values()) == 3, "its replica runs elsewhere")
    assert karmada.all_joined(fleet.karmada.view, {"eu", "us"}).holds, "Karmada knows it no longer"
    labels = [cluster["label"] for cluster in account.call("GET", "lke/clusters")["data"]]
    assert not [label for label in labels if label.startswith("ap-")], "it costs nothing any more"

    changes = fleet.stack.changes()
    assert changes.pop("update") == OF_ALL_MEMBERS
    assert set(changes) == {"create"}
    assert of_others({name for names in changes.values() for name in names}) == set()
    assert wrong(fleet.configured(), tmp_path) == []
