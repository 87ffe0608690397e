"""Any kind of Kubernetes object as a resource type, and its Patch variant.

The behaviour is the official provider's (provider/pkg/provider/provider.go of pulumi-kubernetes), in
server-side apply mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework import (
    Change,
    CheckResult,
    Created,
    Diff,
    Found,
    InitializationError,
    PropertyDiff,
    ResourceType,
    has_unknown,
)
from sandbox.plugins.kubernetes import completion, existing, unreachable
from sandbox.plugins.kubernetes.checkpoint import recall, record
from sandbox.plugins.kubernetes.cluster import Effect
from sandbox.plugins.kubernetes.differences import IDENTITY, difference
from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError
from sandbox.plugins.kubernetes.fieldmanagers import manager_name
from sandbox.plugins.kubernetes.kinds import Kind, is_patch, kind_of_token
from sandbox.plugins.kubernetes.lifecycle import Writer
from sandbox.plugins.kubernetes.objects import (
    REPLACE_UNREADY,
    Object,
    from_properties,
    is_annotated,
    kind,
    metadata,
    name,
    normalized,
    object_id,
    pluck,
)
from sandbox.plugins.kubernetes.readiness import (
    NotReadyError,
    View,
    allowed_time,
    await_gone,
    await_ready,
    condition_of,
    keeps_waiting_for_deletion,
)
from sandbox.plugins.kubernetes.redaction import discreet

if TYPE_CHECKING:
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
    from sandbox.plugins.kubernetes.cluster import Cluster
    from sandbox.plugins.kubernetes.connection import Connection
    from sandbox.plugins.kubernetes.settings import Settings

# Set anew by every dry run, so that a preview must not promise them.
_NOT_FORETOLD = ("creationTimestamp", "generation", "resourceVersion", "uid")


class ObjectType(ResourceType):
    """One kind of object, or the Patch type of one."""

    token: ClassVar[str] = "kubernetes:GROUP/VERSION:KIND"  # noqa: S105 - a form of names, not a password

    def __init__(self, type_token: str, settings: Settings, connection: Connection) -> None:
        """`type_token` is this very type's, such as `kubernetes:apps/v1:Deployment`."""
        self._token = type_token
        self._settings = settings
        self._connection = connection

    def check(self, request: CheckRequest) -> CheckResult:
        """Fill in name and namespace. The API server validates the rest."""
        if unreachable.skipped(request.operation, self._settings, self._connection):
            return CheckResult(inputs=request.old_inputs)
        obj = from_properties(request.inputs)
        failures = tuple(completion.failures(obj, patch=self._is_patch(obj)))
        inputs = completion.complete(request, namespace=self._default_namespace(kind(obj)))
        return CheckResult(inputs=inputs, failures=failures)

    def diff(self, request: DiffRequest) -> Diff:
        """Compare old inputs with new ones; a drift is in the old ones since the last refresh."""
        recorded = recall(request.old_outputs)
        old = from_properties(request.old_inputs) or recorded.inputs
        new = from_properties(request.inputs)
        diff = difference(
            old,
            new,
            patch=IDENTITY if self._is_patch(new) else None,
            mutability=self._settings.mutability,
            default_namespace=self._default_namespace(kind(new)),
        )
        return self._replace_unready(request.operation, recorded.live, new, diff)

    def create(self, request: CreateRequest) -> Created:
        """Make the object and wait until it is ready. A preview asks the API server for a dry run."""
        with discreet(request.inputs):
            inputs = from_properties(request.inputs)
            if request.preview:
                return Created(id="", outputs=self._preview_create(request, inputs))
            cluster = self._connection.require()
            writer = self._writer(cluster, request.operation, inputs, None)
            condition = condition_of(inputs)  # a malformed annotation is known before anything is made
            live = self._make(writer, inputs, Effect.KEPT)
            deadline = allowed_time(request.operation, inputs)
            try:
                if condition is not None:
                    live = await_ready(
                        cluster, live, condition, before=None, operation=request.operation, deadline=deadline
                    )
            except NotReadyError as error:
                how = "was created, but failed to fully initialize or become live"
                raise self._partial(error, how, request.inputs, writer.manager) from error
            outputs = self._record(live, request.inputs, writer.manager)
            return Created(id=object_id(live), outputs=outputs)

    def read(self, request: ReadRequest) -> Found | None:
        """The live object, with what drifted from the recorded inputs written into them."""
        with discreet(request.inputs, request.outputs):
            if self._connection.cluster is None:
                return unreachable.read(request, self._settings, self._connection.reason)
            token_kind = kind_of_token(self._token)
            return existing.read(request, token_kind, self._connection.require())

    def update(self, request: UpdateRequest) -> Properties:
        """Apply the new inputs and wait until the object is ready again."""
        with discreet(request.inputs, request.old_outputs):
            inputs = normalized(from_properties(request.inputs))
            cluster = self._connection.cluster
            if request.preview and (has_unknown(inputs) or cluster is None or not cluster.has(kind(inputs))):
                return dict(request.inputs)
            cluster = self._connection.require()
            recorded = recall(request.old_outputs)
            writer = self._writer(cluster, request.operation, inputs, recorded.field_manager)
            condition = condition_of(inputs)
            before = cluster.get(recorded.live)
            ignored = [path.split(".") for path in request.ignore_changes]
            effect = Effect.DRY_RUN if request.preview else Effect.KEPT
            owner = not self._is_patch(inputs)
            try:
                live = writer.update(inputs, before, effect=effect, owner=owner, ignored=ignored)
            except ApiError as error:
                if request.preview and error.forbidden:
                    return dict(request.inputs)
                raise
            if not request.preview and condition is not None:
                live = self._await_updated(request, writer, live, before)
            if not request.preview and recorded.field_manager not in (None, writer.manager):
                writer.relinquish(live, recorded.field_manager)
            return self._record(live, request.inputs, writer.manager, recorded.initial_api_version)

    def delete(self, request: DeleteRequest) -> None:
        """Remove the object and wait until it is gone, or give up the fields of a Patch resource."""
        with discreet(request.outputs):
            recorded = recall(request.outputs)
            if unreachable.dropped(request.operation, self._settings, self._connection):
                return
            cluster = self._connection.require()
            writer = self._writer(cluster, request.operation, recorded.inputs, recorded.field_manager)
            try:
                if self._is_patch(recorded.live):
                    writer.relinquish(recorded.live)
                    return
                writer.delete(recorded.inputs, recorded.live)
                if keeps_waiting_for_deletion(recorded.inputs):
                    deadline = allowed_time(request.operation, recorded.inputs)
                    await_gone(cluster, recorded.live, operation=request.operation, deadline=deadline)
            except NoMatchError:
                return  # its definition is gone, and so is it
            except ApiError as error:
                if not error.not_found:
                    raise

    def _preview_create(self, request: CreateRequest, inputs: Object) -> Properties:
        cluster = self._connection.cluster
        if has_unknown(inputs) or cluster is None or self._is_patch(inputs) or not cluster.has(kind(inputs)):
            return dict(request.inputs)
        writer = self._writer(cluster, request.operation, inputs, None)
        try:
            live = self._make(writer, inputs, Effect.DRY_RUN)
        except ApiError as error:
            unforeseeable = error.namespace_not_found or error.already_exists or error.forbidden
            if unforeseeable or "dry run" in error.message or "dryRun" in error.message:
                return dict(request.inputs)
            raise
        live.pop("status", None)
        for key in _NOT_FORETOLD:
            metadata(live).pop(key, None)
        return self._record(live, request.inputs, writer.manager)

    def _make(self, writer: Writer, inputs: Object, effect: Effect) -> Object:
        if self._is_patch(inputs):
            return writer.patch(inputs, effect)
        return writer.upsert(inputs, effect) if self._settings.upsert else writer.create(inputs, effect)

    def _await_updated(self, request: UpdateRequest, writer: Writer, live: Object, before: Object) -> Object:
        inputs = from_properties(request.inputs)
        condition, deadline = condition_of(inputs), allowed_time(request.operation, inputs)
        if condition is None:
            return live
        try:
            return await_ready(
                writer.cluster, live, condition, before=before, operation=request.operation, deadline=deadline
            )
        except NotReadyError as error:
            how = "was updated, but failed to fully initialize or become live"
            raise self._partial(error, how, request.inputs, writer.manager) from error

    def _replace_unready(self, operation: Operation, live: Object, new: Object, diff: Diff) -> Diff:
        """Have a Job replaced that asks for it and is not ready."""
        cluster = self._connection.cluster if is_annotated(new, REPLACE_UNREADY) else None
        condition = condition_of(new)
        if cluster is None or condition is None:
            return diff
        if kind(new).kind != "Job":
            operation.warn("the annotation pulumi.com/replaceUnready is for Jobs alone")
            return diff
        try:
            ready = condition.look(View(cluster, cluster.get(live), None)).ready
        except (ApiError, NoMatchError):
            return diff
        if ready:
            return diff
        place = f'metadata.annotations["{REPLACE_UNREADY}"]'
        change = PropertyDiff(change=Change.UPDATE, replaces=True)
        return Diff(
            properties={**diff.properties, place: change},
            delete_before_replace=name(new) == name(live) and not is_annotated(new, "pulumi.com/autonamed"),
        )

    def _default_namespace(self, wanted: Kind) -> str | None:
        """Where an object goes that names no namespace, or None for a kind that has none."""
        namespaced = wanted.namespaced_by_convention
        if not wanted.built_in:
            cluster = self._connection.cluster
            if cluster is not None and cluster.has(wanted):
                namespaced = cluster.route(wanted).namespaced
        return self._connection.default_namespace if namespaced else None

    def _is_patch(self, obj: Object) -> bool:
        return is_patch(self._token, str(obj.get("kind", "")))

    def _writer(self, cluster: Cluster, operation: Operation, inputs: Object, recorded: str | None) -> Writer:
        return Writer(
            cluster=cluster,
            manager=manager_name(inputs, recorded),
            operation=operation,
            force=self._settings.patch_force,
        )

    def _record(self, live: Object, inputs: Properties, manager: str, initial: str | None = None) -> Properties:
        initial = initial or str(pluck(live, "apiVersion", default=""))
        return record(live, inputs, field_manager=manager, initial_api_version=initial)

    def _partial(self, error: NotReadyError, how: str, inputs: Properties, manager: str) -> InitializationError:
        return InitializationError(
            f"resource {object_id(error.live)!r} {how}: {error}",
            resource_id=object_id(error.live),
            outputs=self._record(error.live, inputs, manager),
            reasons=(str(error), *error.reasons),
        )
