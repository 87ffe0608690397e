"""A provider behind Pulumi's ResourceProvider protocol (proto/pulumi/provider.proto)."""

# ruff: noqa: N802, ARG002 - gRPC gives handlers their names and arguments

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugins.framework.cancellation import Cancellation
from sandbox.plugins.framework.diff import Change, Compared, Diff
from sandbox.plugins.framework.engine_log import EngineLog
from sandbox.plugins.framework.requests import (
    CheckRequest,
    CheckResult,
    ConfigureRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    InvokeRequest,
    Operation,
    ReadRequest,
    UpdateRequest,
)
from sandbox.plugins.framework.status import reporting_errors
from sandbox.plugins.framework.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc

    from sandbox.plugins.framework.provider import Provider

_KINDS: Final[Mapping[tuple[Change, bool], provider_pb2.PropertyDiff.Kind.ValueType]] = {
    (Change.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Change.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Change.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Change.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Change.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Change.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class ProviderServicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates between the protocol's messages and a Provider's requests and answers."""

    def __init__(self, provider: Provider, *, engine: str | None) -> None:
        """`engine` is the address of the engine's log, if there is an engine."""
        self._provider = provider
        self._log = EngineLog(engine)
        self._cancellation = Cancellation()

    def stop(self) -> None:
        """Ask the operations under way to end."""
        self._cancellation.request()

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Agree on the features of the protocol."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version that this plugin stands for."""
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Name and version only: programs use the official SDK, which carries the types."""
        schema = {"name": self._provider.name, "version": self._provider.version}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Use the engine at another address: this plugin was started before it."""
        self._log = EngineLog(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """End early. The engine calls this at the end of every run, too."""
        self.stop()
        return empty_pb2.Empty()

    @reporting_errors
    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Validate the provider's configuration."""
        return _checked(self._provider.check_config(self._check_request(request)))

    @reporting_errors
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare the provider's configuration."""
        return _diffed(self._provider.diff_config(self._diff_request(request)))

    @reporting_errors
    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Take the configuration into use."""
        self._provider.configure(
            ConfigureRequest(urn=request.urn, inputs=decode(request.args), cancellation=self._cancellation)
        )
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @reporting_errors
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """Call a function."""
        function = self._provider.function(request.tok)
        result = function.invoke(
            InvokeRequest(
                operation=self._operation(""),
                token=request.tok,
                arguments=decode(request.args),
                preview=request.preview,
            )
        )
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(result))  # the field's name is a word of Python
        return response

    @reporting_errors
    def Call(self, request: provider_pb2.CallRequest, context: grpc.ServicerContext) -> provider_pb2.CallResponse:
        """No stand-in has methods."""
        raise self._provider.unsupported("method", request.tok, ())

    @reporting_errors
    def Construct(
        self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConstructResponse:
        """No stand-in has components of its own."""
        raise self._provider.unsupported("component", request.type, ())

    @reporting_errors
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Validate a resource's inputs."""
        checked = self._check_request(request)
        return _checked(self._provider.resource_type(checked.operation.type).check(checked))

    @reporting_errors
    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare a resource with new inputs."""
        compared = self._diff_request(request)
        return _diffed(self._provider.resource_type(compared.operation.type).diff(compared))

    @reporting_errors
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Make a resource."""
        operation = self._operation(request.urn, request.timeout)
        created = self._provider.resource_type(operation.type).create(
            CreateRequest(operation=operation, inputs=decode(request.properties), preview=request.preview)
        )
        return provider_pb2.CreateResponse(id=created.id, properties=encode(created.outputs))

    @reporting_errors
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Look at a live resource. An empty answer says that it is gone."""
        operation = self._operation(request.urn, request.timeout)
        found = self._provider.resource_type(operation.type).read(
            ReadRequest(
                operation=operation,
                id=request.id,
                inputs=decode(request.inputs),
                outputs=decode(request.properties),
            )
        )
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, inputs=encode(found.inputs), properties=encode(found.outputs))

    @reporting_errors
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Change a resource in place."""
        operation = self._operation(request.urn, request.timeout)
        outputs = self._provider.resource_type(operation.type).update(
            UpdateRequest(
                operation=operation,
                id=request.id,
                old_inputs=decode(request.old_inputs),
                old_outputs=decode(request.olds),
                inputs=decode(request.news),
                preview=request.preview,
            )
        )
        return provider_pb2.UpdateResponse(properties=encode(outputs))

    @reporting_errors
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Remove a resource."""
        operation = self._operation(request.urn, request.timeout)
        self._provider.resource_type(operation.type).delete(
            DeleteRequest(
                operation=operation,
                id=request.id,
                inputs=decode(request.old_inputs),
                outputs=decode(request.properties),
            )
        )
        return empty_pb2.Empty()

    def _operation(self, urn: str, timeout: float = 0) -> Operation:
        return Operation(urn=urn, cancellation=self._cancellation, log=self._log, timeout=timeout or None)

    def _check_request(self, request: provider_pb2.CheckRequest) -> CheckRequest:
        return CheckRequest(
            operation=self._operation(request.urn),
            inputs=decode(request.news),
            old_inputs=decode(request.olds),
        )

    def _diff_request(self, request: provider_pb2.DiffRequest) -> DiffRequest:
        return DiffRequest(
            operation=self._operation(request.urn),
            id=request.id,
            old_inputs=decode(request.old_inputs),
            old_outputs=decode(request.olds),
            inputs=decode(request.news),
        )


def _checked(result: CheckResult) -> provider_pb2.CheckResponse:
    # The path is part of the reason: given as `property`, the engine would print the value beside it.
    failures = [provider_pb2.CheckFailure(reason=f"{failure.path}: {failure.reason}") for failure in result.failures]
    return provider_pb2.CheckResponse(inputs=encode(result.inputs), failures=failures)


def _diffed(diff: Diff) -> provider_pb2.DiffResponse:
    response = provider_pb2.DiffResponse
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=_KINDS[change.change, change.replaces], inputDiff=change.compared is Compared.INPUTS
        )
        for path, change in diff.properties.items()
    }
    return response(
        changes=response.DIFF_SOME if detailed else response.DIFF_NONE,
        diffs=sorted({_top(path) for path in detailed}),
        replaces=sorted({_top(path) for path in diff.replaces}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _top(path: str) -> str:
    """The top-level property of a path in Pulumi's notation."""
    if path.startswith('["'):
        return path[2 : path.index('"]')]
    return path.split(".", 1)[0].split("[", 1)[0]
