"""helm.sh/v3:Release, through the helm executable.

The behaviour is the official provider's (provider/pkg/provider/helm_release.go of pulumi-kubernetes). In
addition the inputs hold a checksum of a chart that is the user's own, so that a change in it is noticed
without a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sandbox.plugins.framework import (
    Cancellation,
    CheckFailure,
    CheckResult,
    Created,
    Diff,
    Found,
    InitializationError,
    ProviderError,
    ResourceType,
    compare,
    has_unknown,
    reveal,
)
from sandbox.plugins.framework.schema import force_new_paths
from sandbox.plugins.kubernetes import unreachable
from sandbox.plugins.kubernetes.completion import suffix
from sandbox.plugins.kubernetes.helm import arguments, release, state
from sandbox.plugins.kubernetes.helm.charts import ChartError, Charts
from sandbox.plugins.kubernetes.helm.diagnosis import problems
from sandbox.plugins.kubernetes.helm.executable import Helm, HelmError
from sandbox.plugins.kubernetes.helm.schema import DEFAULT_TIMEOUT_SECONDS, FREE_FORM, INPUTS, WITHOUT_EFFECT
from sandbox.plugins.kubernetes.helm.values import merged
from sandbox.plugins.kubernetes.redaction import discreet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.plugins.framework import (
        CheckRequest,
        CreateRequest,
        DeleteRequest,
        DiffRequest,
        Operation,
        Properties,
        ReadRequest,
        UpdateRequest,
    )
    from sandbox.plugins.kubernetes.connection import Connection
    from sandbox.plugins.kubernetes.helm.release import StoredRelease
    from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig
    from sandbox.plugins.kubernetes.settings import Settings

_IN_PROGRESS_HINT: Final = (
    "an earlier helm was ended before it was done: if no other is running, mend it with `helm rollback` or remove "
    "it with `helm uninstall`, and run again"
)
_NAME_HINT: Final = (
    "a release of that name exists already: give this one another name, adopt it with `pulumi import`, or remove "
    "it with `helm uninstall`"
)


@dataclass(frozen=True)
class _Action:
    """One of the two ways to bring a release into being, and how it reads once done."""

    command: Callable[[Mapping[str, Any], str], list[str]]
    done: str


_INSTALL: Final = _Action(arguments.install, "created")
_UPGRADE: Final = _Action(arguments.upgrade, "upgraded")


class ReleaseType(ResourceType):
    """A chart installed on the cluster."""

    token: ClassVar[str] = "kubernetes:helm.sh/v3:Release"  # noqa: S105 - a type's name, not a password

    def __init__(self, settings: Settings, connection: Connection, helm: Helm) -> None:
        self._settings = settings
        self._connection = connection
        self._helm = helm
        self._charts = Charts(helm)

    def check(self, request: CheckRequest) -> CheckResult:
        """Fill in name, namespace and timeout, and find the chart, so that its exact version is planned."""
        if unreachable.skipped(request.operation, self._settings, self._connection):
            return CheckResult(inputs=request.old_inputs)
        with discreet(request.inputs):
            found = list(state.input_failures(request.inputs))
            inputs = self._complete(request)
            if not found and not has_unknown(inputs):
                found += self._find_chart(inputs, request.operation)
            return CheckResult(inputs=inputs, failures=found)

    def diff(self, request: DiffRequest) -> Diff:
        """Compare old inputs with new ones; what drifted is in the old ones since the last refresh."""
        return Diff(
            properties=compare(request.old_inputs, request.inputs, force_new=force_new_paths(INPUTS)),
        )

    def create(self, request: CreateRequest) -> Created:
        """Install the chart and wait for what it makes, unless told not to."""
        if request.preview:
            return Created(id="", outputs=state.planned(request.inputs))
        with discreet(request.inputs):
            inputs = reveal(request.inputs)
            before = self._stored(inputs, request.operation)
            request.operation.say(f"Installing {inputs['chart']} as {state.identity(inputs)}")
            stored = self._change(request.operation, request.inputs, before, _INSTALL)
            return Created(id=state.identity(inputs), outputs=state.recorded(request.inputs, stored))

    def read(self, request: ReadRequest) -> Found | None:
        """The release as Helm has it, with values that drifted written into the inputs."""
        with discreet(request.inputs, request.outputs):
            if self._connection.cluster is None:
                return unreachable.read(request, self._settings, self._connection.reason)
            space, _, name = request.id.rpartition("/")
            recorded = reveal(request.outputs)
            where = {
                "name": recorded.get("name") or name,
                "namespace": recorded.get("namespace") or space or self._connection.default_namespace,
            }
            stored = self._stored(where, request.operation)
            if stored is None:
                return None
            inputs = state.refreshed(request.inputs, recorded, stored) if recorded else state.adopted(stored)
            return Found(id=request.id, inputs=inputs, outputs=state.recorded(inputs, stored))

    def update(self, request: UpdateRequest) -> Properties:
        """Upgrade the release."""
        if request.preview:
            return state.planned(request.inputs)
        with discreet(request.inputs, request.old_outputs):
            inputs = reveal(request.inputs)
            before = self._stored(inputs, request.operation)
            if before is None:
                raise ProviderError(
                    f"there is no release {state.identity(inputs)} any more; run `pulumi refresh` first"
                )
            request.operation.say(f"Upgrading {state.identity(inputs)} with {inputs['chart']}")
            return state.recorded(request.inputs, self._change(request.operation, request.inputs, before, _UPGRADE))

    def delete(self, request: DeleteRequest) -> None:
        """Uninstall the release and wait until what it made is gone."""
        with discreet(request.outputs):
            recorded = reveal(request.outputs)
            if self._connection.cluster is None:
                raise ProviderError(f"can't delete Helm Release with unreachable cluster: {self._connection.reason}")
            request.operation.say(f"Uninstalling {state.identity(recorded)}")
            command = arguments.uninstall(_timed(recorded, request.operation))
            output = self._run(command, recorded, request.operation)
            request.operation.say("")
            if "kept due to the resource policy" in output:
                request.operation.warn(output.strip())

    def _complete(self, request: CheckRequest) -> Properties:
        """The inputs with defaults, the values merged into one."""
        dropped = FREE_FORM | WITHOUT_EFFECT
        inputs = {key: value for key, value in request.inputs.items() if key not in dropped and value is not None}
        if not inputs.get("name"):
            kept = reveal(request.old_inputs.get("name"))
            inputs["name"] = kept or f"{request.operation.name}-{suffix(request.seed)}"
        if not inputs.get("namespace"):
            inputs["namespace"] = self._connection.default_namespace
        if not inputs.get("skipAwait"):
            inputs.setdefault("timeout", DEFAULT_TIMEOUT_SECONDS)
        inputs["values"] = merged(request.inputs)
        return inputs

    def _find_chart(self, inputs: Properties, operation: Operation) -> Iterator[CheckFailure]:
        """Add the chart's version and, if it is the user's own, its checksum to the inputs."""
        plain = reveal(inputs)
        try:
            chart = self._charts.find(plain, operation.cancellation)
        except (ChartError, HelmError) as error:
            yield CheckFailure(path="chart", reason=f"{error}; check the chart's name and repositoryOpts")
            return
        missing = [] if plain.get("dependencyUpdate") else chart.missing_dependencies()
        if missing:
            reason = f"the chart lacks its dependencies {', '.join(missing)}; set dependencyUpdate"
            yield CheckFailure(path="chart", reason=reason)
        inputs["version"] = chart.version
        if chart.local:
            inputs["checksum"] = chart.checksum()

    def _change(
        self, operation: Operation, inputs: Properties, before: StoredRelease | None, action: _Action
    ) -> StoredRelease:
        """Install or upgrade. Raises InitializationError if that leaves a release behind that failed."""
        plain = reveal(inputs)
        chart = self._charts.find(plain, operation.cancellation)
        values = plain.get("values") or {}
        if plain.get("lint"):
            self._helm.run(["lint", str(chart.path)], values=values, cancellation=operation.cancellation)
        try:
            command = action.command(_timed(plain, operation), str(chart.path))
            answer = self._run(command, plain, operation, values=values)
        except HelmError as error:
            after = self._stored(plain, operation)
            if after is None or (before is not None and after.revision == before.revision):
                raise ProviderError(_explained(error, plain)) from error
            raise self._partial(error, inputs, after, action) from error
        operation.say("")
        return release.told(answer)

    def _partial(
        self, error: HelmError, inputs: Properties, stored: StoredRelease, action: _Action
    ) -> InitializationError:
        cluster = self._connection.require()
        found = problems(cluster, (*stored.hooks, *stored.objects), stored.namespace)
        release_id = f"{stored.namespace}/{stored.name}"
        message = f"Helm release {release_id} was {action.done}, but failed: {error}"
        return InitializationError(
            message,
            resource_id=release_id,
            outputs=state.recorded(inputs, stored),
            reasons=(message, *found),  # all that the engine shows
        )

    def _stored(self, plain: Properties, operation: Operation) -> StoredRelease | None:
        return release.find(
            self._helm,
            self._kubeconfig(),
            release=plain["name"],
            space=plain["namespace"],
            # Also after a cancellation: what was left behind has to be recorded.
            cancellation=Cancellation() if operation.cancellation.requested else operation.cancellation,
        )

    def _run(self, command: list[str], plain: Properties, operation: Operation, values: Any = None) -> str:
        return self._helm.run(
            command,
            kubeconfig=self._kubeconfig(),
            namespace=plain["namespace"],
            values=values,
            cancellation=operation.cancellation,
        )

    def _kubeconfig(self) -> Kubeconfig:
        self._connection.require()
        if self._connection.kubeconfig is None:
            raise ProviderError("the provider has no kubeconfig")
        return self._connection.kubeconfig


def _timed(plain: Properties, operation: Operation) -> Properties:
    """The inputs with the program's customTimeouts, which go before the input `timeout`."""
    return {**plain, "timeout": round(operation.timeout)} if operation.timeout else plain


def _explained(error: HelmError, plain: Properties) -> str:
    """What helm says, with what to do about it."""
    text = str(error)
    if "cannot re-use a name that is still in use" in text:
        return f"release {state.identity(plain)}: {_NAME_HINT}"
    if "another operation (install/upgrade/rollback) is in progress" in text:
        return f"release {state.identity(plain)}: {_IN_PROGRESS_HINT}"
    return f"release {state.identity(plain)}: {text}"
