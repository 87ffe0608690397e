"""Making, changing and removing objects, by the rules of the official provider.

Source: provider/pkg/await/await.go of pulumi-kubernetes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import tenacity

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.kubernetes import fieldmanagers
from sandbox.plugins.kubernetes.cluster import Cluster, Conflicts, Effect
from sandbox.plugins.kubernetes.errors import ApiError, NoMatchError
from sandbox.plugins.kubernetes.objects import (
    DELETION_PROPAGATION,
    Object,
    annotation,
    kind,
    metadata,
    name,
    pluck,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.plugins.framework import Operation

# A namespace or a definition that the object needs may be on its way: 1 + 2 + 4 + 8 + 16 seconds.
_ATTEMPTS: Final = 6

_EXISTS_HINT: Final = (
    "The resource already exists in the cluster. This can happen when:\n"
    "  - a Pulumi resource was renamed: give it an alias, or deleteBeforeReplace if it has to be replaced;\n"
    "  - something else made it: manage its fields with a Patch resource (NamespacePatch), or adopt it with "
    "`pulumi import`;\n"
    "  - it is meant to be taken over: set upsertExistingObjects on the provider."
)
_CONFLICT_HINT: Final = (
    "To overwrite the other managers' values, set the annotation pulumi.com/patchForce to true; to leave the "
    "fields to them, take them out of the program. See https://www.pulumi.com/registry/packages/kubernetes/"
    "how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources"
)


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes objects to a cluster under one field manager."""

    cluster: Cluster
    manager: str
    operation: Operation
    force: bool = False
    """Whether the provider is set to overwrite the fields of others."""

    def create(self, inputs: Object, effect: Effect) -> Object:
        """Make an object that must not exist yet. Raises ProviderError, the API's errors among them."""
        return self._patiently(
            lambda: self.cluster.create(inputs, field_manager=fieldmanagers.CREATOR, effect=effect), effect
        )

    def upsert(self, inputs: Object, effect: Effect) -> Object:
        """Apply to an object whether it exists or not."""
        return self._patiently(lambda: self._apply(inputs, self._conflicts(inputs, effect), effect), effect)

    def patch(self, inputs: Object, effect: Effect) -> Object:
        """Apply to an object that must exist: a Patch resource makes none."""

        def existing() -> Object:
            self.cluster.get(inputs)
            return self._apply(inputs, self._conflicts(inputs, effect), effect)

        return self._patiently(existing, effect)

    def update(
        self, inputs: Object, live: Object, *, effect: Effect, owner: bool, ignored: Sequence[list[str]] = ()
    ) -> Object:
        """Apply to an object of ours. `owner` is False for a Patch resource, which takes over nothing."""
        if kind(inputs).kind == "CustomResourceDefinition" and owner:
            return self._replace_definition(inputs, live, effect)
        taken_over = owner and bool(fieldmanagers.handover(live, self.manager))
        if taken_over and effect is Effect.KEPT:
            live = self._take_over(live)
        overwritten = (
            self._forced(inputs)
            # From before server-side apply: all its fields belong to "before-first-apply".
            or not pluck(live, "metadata", "managedFields")
            # In a preview the fields have not changed hands.
            or (taken_over and effect is Effect.DRY_RUN)
        )
        conflicts = Conflicts.OVERWRITTEN if overwritten else Conflicts.REFUSED
        wanted = fieldmanagers.without_ignored(inputs, live, self.manager, list(ignored))
        return self._apply(wanted, conflicts, effect)

    def relinquish(self, obj: Object, manager: str | None = None) -> None:
        """Give up the fields that a manager of ours owns; they go unless others own them, too."""
        try:
            self.cluster.apply(
                fieldmanagers.bare(obj),
                field_manager=manager or self.manager,
                conflicts=Conflicts.REFUSED,
                effect=Effect.KEPT,
            )
        except ApiError as error:
            if error.required_field is None:
                raise
            raise ProviderError(
                f"this Patch resource manages the required field {error.required_field}, so it cannot be deleted. "
                "Set the resource option retainOnDelete, or let another manager own the field first"
            ) from error

    def delete(self, inputs: Object, live: Object) -> None:
        """Ask for the object's removal, dependents first unless its annotation says otherwise."""
        wanted = annotation(inputs, DELETION_PROPAGATION).lower()
        propagation = {"orphan": "Orphan", "background": "Background"}.get(wanted, "Foreground")
        self.cluster.delete(live, propagation=propagation)

    def _apply(self, inputs: Object, conflicts: Conflicts, effect: Effect) -> Object:
        try:
            return self.cluster.apply(inputs, field_manager=self.manager, conflicts=conflicts, effect=effect)
        except ApiError as error:
            if not error.conflict:
                raise
            raise ProviderError(
                f'field conflict: the object managed by field manager "{self.manager}" has fields that others '
                f"manage: {error}\n{_CONFLICT_HINT}"
            ) from error

    def _conflicts(self, inputs: Object, effect: Effect) -> Conflicts:
        """For an object that is new to the program."""
        # In a preview what is in its way may be replaced by then.
        forced = self._forced(inputs) or effect is Effect.DRY_RUN
        return Conflicts.OVERWRITTEN if forced else Conflicts.REFUSED

    def _forced(self, inputs: Object) -> bool:
        return self.force or fieldmanagers.forces(inputs)

    def _take_over(self, live: Object) -> Object:
        """Make the fields of former managers of ours this one's; again if the object changes meanwhile."""

        def once() -> Object:
            current = self.cluster.get(live)
            operations = fieldmanagers.handover(current, self.manager)
            return self.cluster.json_patch(current, operations) if operations else current

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, ApiError) and error.conflict),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_random(0, 0.2),
            sleep=self.operation.cancellation.sleep,
            reraise=True,
        )
        taken: Object = retrying(once)
        return taken

    def _replace_definition(self, inputs: Object, live: Object, effect: Effect) -> Object:
        # A definition is put in place whole, as by `kubectl replace`: its schema is not merged, and its
        # custom resources stay.
        wanted = {**inputs, "metadata": {**metadata(inputs)}}
        metadata(wanted)["resourceVersion"] = pluck(live, "metadata", "resourceVersion")
        return self.cluster.replace(wanted, field_manager=self.manager, effect=effect)

    def _patiently(self, write: tenacity.WrappedFn, effect: Effect) -> Object:
        """Write, again and again while what the object needs is missing. A preview does not wait."""
        if effect is Effect.DRY_RUN:
            previewed: Object = write()
            return previewed
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_come),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_exponential(),
            sleep=self.operation.cancellation.sleep,
            before_sleep=lambda state: self.operation.say(
                f"Retry #{state.attempt_number}; creation failed: {state.outcome.exception() if state.outcome else ''}"
            ),
            reraise=True,
        )
        try:
            written: Object = retrying(write)
        except NoMatchError as error:
            raise ProviderError(
                "the API server has no such apiVersion and kind; verify that any required "
                f"CustomResourceDefinition is made before: {error}"
            ) from error
        except ApiError as error:
            if error.already_exists:
                raise ProviderError(f"{error}\n\n{_EXISTS_HINT}") from error
            raise
        return written


def _may_come(error: BaseException) -> bool:
    return isinstance(error, NoMatchError) or (isinstance(error, ApiError) and error.not_found)


def describe(obj: Object) -> str:
    """The object in words: its kind and name."""
    return f"{kind(obj)} {name(obj)}"
