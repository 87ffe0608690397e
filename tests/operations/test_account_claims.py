"""What a check claims of a fleet, by what the clusters answer; and what it keeps while it asks."""

from __future__ import annotations

import http.server
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fleet.config.workloads import WorkloadIngress
from operations.account import claims
from operations.errors import OperationError
from tests.article import CALL, HELLO
from tests.operations.account import REGIONS, WORKLOADS, PlayedApi, fleet, karmada, member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations.account.claims import Fleet

BOTH = {"eu-west": 15, "us-west": 15}
ENTRY = WorkloadIngress(hosts=("*",))


def with_members(*members: claims.Member) -> Fleet:
    return replace(fleet(), members=members)


def test_all_holds_of_a_fleet_that_is_well() -> None:
    found = list(claims.claims(fleet(), within=0.1))
    assert [claim.text for claim in found if not claim.holds] == []
    assert len(found) == 5, "Karmada, two workloads, and calls in two members"


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_a_member_that_is_not_ready_is_told(ready: str) -> None:
    claim = claims.joined(replace(fleet(), karmada=karmada(ready=ready)))
    assert not claim.holds
    assert claim.evidence == f"eu Pull {ready}, us Pull {ready}"


def test_a_member_that_never_joined_is_told() -> None:
    late = replace(member("us", answered_by=BOTH), name="ap")
    assert not claims.joined(with_members(*fleet().members, late)).holds


def test_replicas_are_asked_of_karmada_and_counted_in_every_member() -> None:
    two = with_members(*(member(name, ready=1, answered_by=BOTH) for name in REGIONS))
    assert claims.spread(two, HELLO).holds
    one_region = with_members(
        member("eu", ready=2, answered_by=BOTH),
        member("us", ready=0, answered_by=BOTH),
    )
    claim = claims.spread(one_region, HELLO)
    assert (claim.holds, claim.evidence) == (False, "2 in eu, 0 in us")
    assert not claims.spread(replace(two, karmada=karmada(replicas=3)), HELLO).holds, "one of three is missing"


@pytest.mark.parametrize(
    ("local", "answered_by", "holds"),
    [
        (False, BOTH, True),
        (False, {"eu-west": 30}, False),
        (False, {"eu-west": 15, "us-west": 14, "curl: (28) Operation timed out": 1}, False),
        (False, {"eu-west": 10, "us-west": 10}, False),
        (True, {"eu-west": 30}, True),
        (True, BOTH, False),
    ],
    ids=["all regions", "own alone", "one fails", "some are missing", "preferred", "spread though preferred"],
)
def test_calls_are_answered_by_the_regions_that_the_members_rule_asks_for(
    local: bool, answered_by: dict[str, int], holds: bool
) -> None:
    eu = member("eu", local=local, answered_by=answered_by)
    assert claims.answered(eu, with_members(eu, member("us", answered_by=BOTH)), CALL).holds is holds


@pytest.fixture
def ingress() -> Iterator[str]:
    """An ingress with hello behind it, as an address with a port."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"message": "REGION=us-west"}')

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_ingress_answers_whoever_is_outside(ingress: str) -> None:
    claim = claims.answered_outside(replace(member("eu", answered_by=BOTH), ingress=ingress), HELLO, ENTRY)
    assert (claim.holds, claim.evidence) == (True, f"http://{ingress}/ by us-west")
    nobody = claims.answered_outside(replace(member("eu", answered_by=BOTH), ingress="127.0.0.1:9"), HELLO, ENTRY)
    assert (nobody.holds, nobody.evidence) == (False, "http://127.0.0.1:9/ by no answer (ConnectionError)")


def test_a_claim_is_looked_at_until_it_holds_and_a_cluster_that_does_not_answer_is_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims, "_PAUSE_SECONDS", 0.1)
    seen = fleet()

    class Late(PlayedApi):
        asked = 0

        def get(self, *what: str) -> Any:
            self.asked += 1
            if self.asked < 3:
                raise OperationError(what="kubectl", why="no answer", remedy="Wait")
            return seen.karmada.get(*what)

    late = replace(seen, karmada=Late())
    assert claims.settled(lambda: claims.joined(late), 5.0).holds
    never = claims.settled(lambda: claims.joined(replace(seen, karmada=Late())), 0.0)
    assert (never.holds, never.evidence) == (False, "kubectl: no answer. Wait.")


def test_kubeconfigs_are_kept_for_the_owner_and_as_long_as_it_takes() -> None:
    outputs = {
        "clusters": [
            {"name": "manager", "region": "eu-west", "network": None},
            {"name": "eu", "region": "eu-west", "network": "network1", "expelled": False},
            {"name": "ap", "region": "ap-south", "network": "network2", "expelled": True},
        ],
        "kubeconfigs": {"manager": "m", "eu": "operator of eu"},
        "viewKubeconfigs": {"karmada": "k", "eu": "viewer of eu"},
        "ingresses": {"eu": "203.0.113.9"},
    }
    with claims.reached(outputs, WORKLOADS) as found:
        [eu] = found.members
        assert isinstance(eu.operator, claims.Kubectl)
        assert isinstance(eu.view, claims.Kubectl)
        folder = eu.operator.kubeconfig.parent
        assert eu.operator.kubeconfig.read_text() == "operator of eu"
        assert eu.view.kubeconfig.read_text() == "viewer of eu"
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
