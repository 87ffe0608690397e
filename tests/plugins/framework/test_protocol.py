"""A provider behind the protocol: what the engine is told, and what it is never told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugins.framework import (
    CancelledError,
    CheckFailure,
    CheckRequest,
    CheckResult,
    Created,
    CreateRequest,
    DeleteRequest,
    Diff,
    DiffRequest,
    Found,
    InitializationError,
    Properties,
    Provider,
    ProviderError,
    ReadRequest,
    ResourceType,
    Secret,
    UpdateRequest,
    compare,
)
from sandbox.plugins.framework.servicer import ProviderServicer
from sandbox.plugins.framework.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

_URN = "urn:pulumi:stack::project::parent$test:index/thing:Thing::name::with::colons"


class Thing(ResourceType):
    """Does as its inputs say."""

    token = "test:index/thing:Thing"

    def check(self, request: CheckRequest) -> CheckResult:
        assert request.operation.type == self.token
        failures = [CheckFailure(path="secret", reason="too short")] if "bad" in request.inputs else []
        return CheckResult(inputs=request.inputs, failures=failures)

    def diff(self, request: DiffRequest) -> Diff:
        return Diff(properties=compare(request.old_inputs, request.inputs, force_new={"size"}))

    def create(self, request: CreateRequest) -> Created:
        match request.inputs.get("outcome"):
            case "partial":
                raise InitializationError("not ready", resource_id="7", outputs={"key": Secret("k")})
            case "refused":
                raise ProviderError("the API says no")
            case "cancelled":
                request.operation.cancellation.sleep(30)
            case "fault":
                raise ValueError(f"password={request.inputs['password'].value}")
        return Created(id="" if request.preview else "7", outputs=request.inputs)

    def read(self, request: ReadRequest) -> Found | None:
        return None if request.id == "gone" else Found(id=request.id, inputs={}, outputs=request.outputs)

    def update(self, request: UpdateRequest) -> Properties:
        return request.inputs

    def delete(self, request: DeleteRequest) -> None:
        raise CancelledError


class Things(Provider):
    """Has one type."""

    name = "test"


@pytest.fixture
def stub() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """A client of the provider, over a real connection."""
    server = grpc.server(ThreadPoolExecutor(4))
    servicer = ProviderServicer(Things(version="1.2.3", resources=(Thing(),)), engine=None)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def _create(stub: provider_pb2_grpc.ResourceProviderStub, **inputs: object) -> provider_pb2.CreateResponse:
    created: provider_pb2.CreateResponse = stub.Create(provider_pb2.CreateRequest(urn=_URN, properties=encode(inputs)))
    return created


def test_the_version_is_the_one_it_stands_for(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_a_failed_check_has_its_path_in_the_reason_and_not_its_value_beside_it(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    request = provider_pb2.CheckRequest(urn=_URN, news=encode({"bad": True, "secret": Secret("x")}))
    (failure,) = stub.Check(request).failures
    assert (failure.property, failure.reason) == ("", "secret: too short")


def test_a_diff_tells_every_place_and_what_replaces(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = stub.Diff(
        provider_pb2.DiffRequest(
            urn=_URN,
            id="7",
            old_inputs=encode({"size": 1, "labels": {"a": "1"}}),
            news=encode({"size": 2, "labels": {"b": "1"}}),
        )
    )
    kind = provider_pb2.PropertyDiff
    assert {path: one.kind for path, one in answer.detailedDiff.items()} == {
        "size": kind.UPDATE_REPLACE,
        "labels.a": kind.DELETE,
        "labels.b": kind.ADD,
    }
    assert (list(answer.replaces), list(answer.diffs)) == (["size"], ["labels", "size"])
    assert answer.changes == answer.DIFF_SOME
    assert answer.hasDetailedDiff


def test_no_difference_is_said_to_be_none(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = stub.Diff(provider_pb2.DiffRequest(urn=_URN, id="7"))
    assert answer.changes == answer.DIFF_NONE


def test_a_partial_creation_carries_identity_state_and_reason(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _create(stub, outcome="partial")
    (detail,) = _status(caught.value).details
    failed = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(failed)
    assert (failed.id, list(failed.reasons)) == ("7", ["not ready"])
    assert decode(failed.properties) == {"key": Secret("k")}


def test_a_refusal_is_the_providers_sentence_alone(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _create(stub, outcome="refused")
    assert caught.value.details() == "the API says no"


def test_a_fault_of_ours_names_its_place_and_not_what_it_held(
    stub: provider_pb2_grpc.ResourceProviderStub, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _create(stub, outcome="fault", password=Secret("hunter2"))
    message = caught.value.details() or ""
    assert message.startswith("a fault of the offline stand-in: ValueError in Create (")
    assert "hunter2" not in message + caplog.text
    assert "raise ValueError" in caplog.text


def test_cancelling_wakes_an_operation_that_waits(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    waiting = stub.Create.future(provider_pb2.CreateRequest(urn=_URN, properties=encode({"outcome": "cancelled"})))
    stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError) as caught:
        waiting.result(timeout=10)
    assert caught.value.code() is grpc.StatusCode.CANCELLED


def test_what_is_gone_is_an_empty_answer(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert stub.Read(provider_pb2.ReadRequest(urn=_URN, id="gone")).id == ""
    assert stub.Read(provider_pb2.ReadRequest(urn=_URN, id="7")).id == "7"


@pytest.mark.parametrize("method", ["Check", "Create", "Delete", "Diff", "Read", "Update"])
def test_another_type_is_refused_by_name(stub: provider_pb2_grpc.ResourceProviderStub, method: str) -> None:
    urn = _URN.replace("thing:Thing", "other:Other")
    request = getattr(provider_pb2, f"{method}Request")(urn=urn)
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub, method)(request)
    message = caught.value.details() or ""
    assert "does not implement the resource type 'test:index/other:Other'; it implements: test:index/thing" in message


def _status(error: grpc.RpcError) -> status_pb2.Status:
    found = [one.value for one in error.trailing_metadata() if one.key == "grpc-status-details-bin"]
    return status_pb2.Status.FromString(b"".join(one for one in found if isinstance(one, bytes)))
