"""When Services, volumes, definitions and other objects without Pods of their own are ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, name, pluck
from sandbox.plugins.kubernetes.readiness.look import READY, Progress, explain, is_true, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.plugins.kubernetes.readiness.look import View

ENDPOINTS: Final = Kind("", "v1", "Endpoints")
STORAGE_CLASS: Final = Kind("storage.k8s.io", "v1", "StorageClass")

_NO_ADDRESS: Final = "Service was not allocated an IP address; does your cloud provider support this?"
_NO_PODS: Final = (
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match "
    "labels on any Pods"
)

# The official provider gives endpoints ten seconds to stop changing. Two are enough for a controller
# that answers each change of a Pod at once, and a fleet has dozens of Services.
SETTLE_SECONDS: Final = 2.0


class ServiceReady:
    """A Service is ready when it has its address and its endpoints, none of them pending, are settled.

    A LoadBalancer needs an ingress address. Endpoints are not waited for where there are none to come:
    a headless Service, an ExternalName, or one without a selector (provider/pkg/await/service.go).
    A Service that lacks endpoints when time is up, but nothing else, counts as ready.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._endpoints: object = None
        self._changed = clock()

    def look(self, view: View) -> Progress:
        """How far the Service has come."""
        addressed = _has_address(view.live)
        lacks = () if addressed else (_NO_ADDRESS,)
        if not _has_endpoints(view.live):
            return Progress(ready=addressed, status="Waiting for an address of the load balancer", problems=lacks)
        subsets = self._subsets(view)
        settled = subsets is not None and self._clock() - self._changed >= SETTLE_SECONDS
        if addressed and settled and not _pending(subsets):
            return Progress(ready=True, status="Service has its endpoints")
        if not any(subset.get("addresses") for subset in subsets or []):
            return Progress(ready=False, status="Finding Pods to direct traffic to", problems=(_NO_PODS, *lacks))
        status = "Waiting for endpoints" if addressed else "Waiting for an address of the load balancer"
        return Progress(ready=False, status=status, problems=lacks)

    def look_last(self, view: View) -> Progress:
        """The verdict when time is up: endpoints that never came are no failure, pending ones are."""
        ready = _has_address(view.live) and not _pending(self._subsets(view))
        return READY if ready else self.look(view)

    def _subsets(self, view: View) -> list[Object] | None:
        """The Service's endpoints, or None if they have not been made; notes when they change."""
        found = None
        for endpoints in view.related(ENDPOINTS):
            if name(endpoints) == name(view.live):
                found = pluck(endpoints, "subsets", default=[])
        if found != self._endpoints:
            self._endpoints, self._changed = found, self._clock()
        return found


class ClaimReady:
    """A claim is ready when bound, or when its class binds it only once a Pod wants it."""

    def look(self, view: View) -> Progress:
        """How far the claim has come."""
        phase = pluck(view.live, "status", "phase", default="")
        if phase == "Bound" or (phase == "Pending" and self._waits_for_consumer(view)):
            return READY
        status = f"Waiting for the claim to be bound (it is {phase or 'new'})"
        return Progress(ready=False, status=status, problems=(status,))

    def _waits_for_consumer(self, view: View) -> bool:
        wanted = pluck(view.live, "spec", "storageClassName")
        return any(
            storage.get("volumeBindingMode") == "WaitForFirstConsumer"
            for storage in view.related(STORAGE_CLASS)
            if name(storage) == wanted
        )


class VolumeReady:
    """A volume is ready when it is available, or bound."""

    def look(self, view: View) -> Progress:
        """How far the volume has come."""
        phase = pluck(view.live, "status", "phase", default="Pending")
        status = f"Waiting for the volume to be available (it is {phase})"
        return Progress(ready=phase in ("Available", "Bound"), status=status, problems=(status,))


class QuotaReady:
    """A quota is ready when its controller took over what it limits."""

    def look(self, view: View) -> Progress:
        """How far the quota has come."""
        taken = pluck(view.live, "spec", "hard") == pluck(view.live, "status", "hard")
        status = "Waiting for the quota to take effect"
        return Progress(ready=taken, status=status, problems=(status,))


class TokenReady:
    """A service account's token Secret is ready when its controller filled it in. Others are at once."""

    def look(self, view: View) -> Progress:
        """How far the Secret has come."""
        if pluck(view.live, "type") != "kubernetes.io/service-account-token":
            return READY
        status = "Waiting for the service account's token"
        return Progress(ready=bool(pluck(view.live, "data", "token")), status=status, problems=(status,))


class DefinitionReady:
    """A CustomResourceDefinition is ready when the API server serves it: Established."""

    def look(self, view: View) -> Progress:
        """How far the definition has come."""
        refused = state_of(view.live, "NamesAccepted")
        if refused.get("status") == "False":
            return Progress(ready=False, status=explain(refused), problems=(explain(refused),))
        status = "Waiting for the definition to be established"
        return Progress(ready=is_true(view.live, "Established"), status=status, problems=(status,))


def _has_address(service: Object) -> bool:
    """Whether the Service is reachable under an address: of a load balancer, if it is to have one."""
    balanced = pluck(service, "spec", "type") == "LoadBalancer"
    return not balanced or bool(pluck(service, "status", "loadBalancer", "ingress"))


def _pending(subsets: list[Object] | None) -> bool:
    """Whether endpoints are there that are not ready."""
    return any(subset.get("notReadyAddresses") for subset in subsets or [])


def _has_endpoints(service: Object) -> bool:
    """Whether a controller makes endpoints for this Service."""
    headless = pluck(service, "spec", "clusterIP") == "None"
    external = pluck(service, "spec", "type") == "ExternalName"
    return bool(pluck(service, "spec", "selector")) and not headless and not external
