"""A mock engine that records the drained resource graph: registrations with parents, inputs and dependencies."""

import asyncio
import base64
import contextlib
import enum
import functools
import gc
import json
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

import pulumi
import yaml
from google.protobuf import empty_pb2, json_format, struct_pb2
from kubernetes import client
from pulumi.runtime import mocks, resource
from pulumi.runtime.proto import resource_pb2, source_pb2

from fleet import running
from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.fleet import Fleet, FleetArgs
from fleet.karmada import encryption
from fleet.lke import addresses, readiness
from fleet.state import READ_RESOURCES, State

SECRET_MARK: Final = "4dabf18193072939515e22adb298388d"
"""The key that marks a special value in Pulumi's wire format (sdk/go/common/resource/sig)."""
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
LET_THROUGH: Final = "\n# A gate has opened for this kubeconfig."
"""What a kubeconfig ends with that has passed the gate before its cluster, or before Karmada's API, in an update."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One resource as the program registered it; names of other resources are URNs."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    dependencies: frozenset[str]
    provider: str
    protect: bool
    ignore_changes: tuple[str, ...]
    secret_outputs: tuple[str, ...]
    replace_with: tuple[str, ...] = ()
    """The URNs of resources whose replacement replaces this one too."""
    delete_before_replace: bool = False
    before_create: tuple[str, ...] = ()
    """The hooks that the engine runs before it creates the resource, by name."""
    before_update: tuple[str, ...] = ()
    """The hooks that the engine runs before it updates the resource, by name."""
    retained: bool = False
    """Whether Pulumi forgets it without removing it."""
    deleted_with: str = ""
    """The URN of the resource with whose deletion it is gone, so that nobody removes it first."""
    after_create: tuple[str, ...] = ()
    """The hooks that the engine runs when it has created the resource, by name."""
    after_update: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """The URNs that it had before."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By input, the URNs of the resources that its value comes from."""

    @property
    def provider_name(self) -> str:
        """The name of the explicit provider that makes it; empty where the default one does."""
        return self.provider.split("::")[-2] if self.provider else ""

    def plain(self) -> Any:
        """The inputs with the secret marks taken off."""
        return unwrap(self.inputs)


@dataclass(kw_only=True)
class Graph:
    """All resources of one run, by name within a type and by URN."""

    nodes: dict[str, Node] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    """What the components registered as their outputs, by name of the component; of `stack`, what the stack exports."""
    exported_after: dict[str, set[str]] = field(default_factory=dict)
    """By output of the stack, the names of the resources without which it is not known."""
    awaited: list[str] = field(default_factory=list)
    """The clusters at whose readiness gate the program stood."""
    let_in: list[str] = field(default_factory=list)
    """The kubeconfigs with which the program stood at the gate before Karmada's API."""
    warned: list[str] = field(default_factory=list)
    """What the program warned of."""
    rewritten: list[str] = field(default_factory=list)
    """The kubeconfigs by which the program had Karmada encrypt anew what is there."""
    hooks: dict[str, pulumi.ResourceHook] = field(default_factory=dict)
    """What the program gave the engine to call, by the names that resources have for it."""

    @property
    def deployed(self) -> Deployed:
        """What the next update finds, where this one was done."""
        resources = {(node.type, node.name): unwrap(node.outputs) for node in self.nodes.values()}
        components = {
            (node.type, node.name): unwrap(self.outputs[node.name])
            for node in self.nodes.values()
            if node.name in self.outputs
        }
        return running.deployed(State(resources=resources | components), {})

    def of_type(self, *types: str) -> list[Node]:
        """The resources of some types, in order of registration."""
        return [node for node in self.nodes.values() if node.type in types]

    def one(self, kind: str, name: str) -> Node:
        """The only resource of a type with a name."""
        (found,) = (node for node in self.of_type(kind) if node.name == name)
        return found

    def call(self, hook: str, node: Node) -> None:
        """Do what the engine is to call for a resource."""

        async def called() -> None:
            pending = self.hooks[hook](pulumi.ResourceHookArgs(urn=node.urn, id="", name=node.name, type=node.type))
            assert pending is not None, "the program's hooks are asynchronous"
            await pending

        # By a loop of its own, and the one that the thread has stays the thread's.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(called())

    def common_name(self, kubeconfig: str) -> str:
        """As whom a kubeconfig with a client certificate reaches its API server."""
        [user] = yaml.safe_load(kubeconfig)["users"]
        signed, request = "tls:index/locallySignedCert:LocallySignedCert", "tls:index/certRequest:CertRequest"
        certificate = _of_pem(base64.b64decode(user["user"]["client-certificate-data"]).decode())
        asked = self.one(request, _of_pem(self.one(signed, certificate).plain()["certRequestPem"]))
        return str(asked.plain()["subject"]["commonName"])

    def below(self, component: str) -> list[Node]:
        """The resources below the component of a name, at any depth."""
        return [
            node for node in self.nodes.values() if component in [self.nodes[urn].name for urn in self.ancestors(node)]
        ]

    def ancestors(self, node: Node) -> Iterator[str]:
        """The URNs of the components that a resource is in, innermost first."""
        while node.parent in self.nodes:
            yield node.parent
            node = self.nodes[node.parent]

    def reaches(self, node: Node) -> set[str]:
        """The names of all resources that must exist before this one: by dependency, provider or parent's children."""
        seen: set[str] = set()
        pending = [node]
        while pending:
            current = pending.pop()
            providers = {current.provider.rsplit("::", 1)[0]} if current.provider else set()
            for urn in current.dependencies | providers:
                if urn in self.nodes and urn not in seen:
                    seen.add(urn)
                    pending.append(self.nodes[urn])
        return {self.nodes[urn].name for urn in seen}


class Stage(enum.Enum):
    """What the engine does with the program."""

    PREVIEW = "preview"
    """Of a stack that has nothing yet."""
    PREVIEW_OF_DEPLOYED = "preview of what is deployed"
    """Of a stack that has been updated: of what stays as it is, everything is known."""
    UPDATE = "update"


class Engine(mocks.Mocks):
    """Answers registrations as the real providers would, as far as the program reads the answers."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._instances: dict[str, int] = {}
        """Ids of the nodes' Linodes by label."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Identifier and outputs of one resource; a preview of something new knows its inputs alone."""
        if self._stage is Stage.PREVIEW:
            return None, dict(args.inputs)
        answer = ANSWERS.get(args.typ)
        outputs = dict(args.inputs) | (answer(args) if answer else {})
        resource_id = args.resource_id or f"{args.name}-id"
        if args.typ == "linode:index/lkeCluster:LkeCluster":
            resource_id = args.resource_id or str(cluster_id(args.name))
            nodes = [node for pool in outputs["pools"] for node in pool["nodes"]]
            self._instances |= {f"lke{resource_id}-{node['id']}": node["instanceId"] for node in nodes}
        return resource_id, outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """The result of a function of a provider."""
        if args.token == "linode:index/getInstances:getInstances":
            return self._matching_instances(args.args), []
        return FUNCTIONS[args.token](args.args), []

    def _matching_instances(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The newest first, which is not the order that the program wants."""
        [condition] = args["filters"]
        assert (condition["name"], condition["matchBy"]) == ("label", "regex"), "Linode would find other instances"
        [pattern] = condition["values"]
        found = [(label, i) for label, i in (INSTANCES | self._instances).items() if re.search(pattern, label)]
        instances = [{"id": i, "label": label, "ipAddress": f"198.51.100.{i % 250}"} for label, i in reversed(found)]
        return {"id": "found", "instances": instances}


def cluster_id(resource: str) -> int:
    """What Linode calls the cluster of a resource."""
    return sum(resource.encode())


def _cluster(args: mocks.MockResourceArgs) -> dict[str, Any]:
    number = cluster_id(args.name)
    pools = [
        pool
        | {
            "id": number,
            "nodes": [{"id": f"{number}-{i}", "instanceId": number * 10 + i} for i in range(int(pool["count"]))],
        }
        for pool in args.inputs["pools"]
    ]
    cluster = {
        "server": f"https://{args.name}.example:6443",
        "certificate-authority-data": base64.b64encode(b"ca").decode(),
    }
    kubeconfig = json.dumps(
        {
            "clusters": [{"name": "lke", "cluster": cluster}],
            "users": [{"name": "lke", "user": {"token": f"token-of-{args.name}"}}],
        }
    )
    return {"pools": pools, "kubeconfig": base64.b64encode(kubeconfig.encode()).decode()}


def _service(args: mocks.MockResourceArgs) -> dict[str, Any]:
    return {"status": {"loadBalancer": {"ingress": [{"ip": f"203.0.113.{sum(args.name.encode()) % 250}"}]}}}


def _pem(kind: str) -> Callable[[mocks.MockResourceArgs], dict[str, Any]]:
    return lambda args: {kind: f"PEM of {args.name}\n"}


def _of_pem(text: str) -> str:
    """The name of the resource that has answered with it."""
    return text.removeprefix("PEM of ").removesuffix("\n")


ANSWERS: Final[dict[str, Callable[[mocks.MockResourceArgs], dict[str, Any]]]] = {
    "linode:index/lkeCluster:LkeCluster": _cluster,
    "kubernetes:core/v1:Service": _service,
    "kubernetes:core/v1:NamespacePatch": lambda args: {
        "metadata": {"uid": f"uid-{args.name}"} | args.inputs.get("metadata", {})
    },
    "kubernetes:core/v1:Namespace": lambda args: {
        "metadata": {"uid": f"uid-{args.name}"} | args.inputs.get("metadata", {})
    },
    "kubernetes:core/v1:PersistentVolumeClaimPatch": lambda args: {"spec": {"volumeName": f"volume-of-{args.name}"}},
    "kubernetes:core/v1:Secret": lambda args: {
        "data": {"token": base64.b64encode(f"token-of-{args.name}".encode()).decode()}
    },
    "kubernetes:helm.sh/v3:Release": lambda args: {
        "status": {"status": "deployed", "namespace": args.inputs.get("namespace", "")}
    },
    "random:index/randomString:RandomString": lambda args: {"result": "x4f2"},
    "random:index/randomBytes:RandomBytes": lambda args: {
        "base64": base64.b64encode(f"bytes of {args.name}".encode()).decode()
    },
    "linode:index/objectStorageBucket:ObjectStorageBucket": lambda args: {
        "s3Endpoint": f"{args.inputs['region']}-1.linodeobjects.com"
    },
    "linode:index/objectStorageKey:ObjectStorageKey": lambda args: {
        "accessKey": "ACCESS",
        "secretKey": f"secret of {args.name}",
    },
    "tls:index/privateKey:PrivateKey": _pem("privateKeyPem"),
    "tls:index/selfSignedCert:SelfSignedCert": _pem("certPem"),
    "tls:index/certRequest:CertRequest": _pem("certRequestPem"),
    "tls:index/locallySignedCert:LocallySignedCert": _pem("certPem"),
}


CLUSTERS: Final[dict[str, int]] = {}
"""Ids of the clusters that the account has before the program runs, by label."""
INSTANCES: Final[dict[str, int]] = {}
"""Ids of their nodes' Linodes, by label."""
STATE: Final[dict[str, Any]] = {}
"""The stack's resources by URN as the engine tells them, for the tests that say so."""
LIVE: Final[dict[int, Any]] = {}
"""The clusters that Linode has, by id, with their pools, for the tests that say so."""
REGIONS: Final = ("eu-west", "ap-south", "us-west", "us-east", "eu-central")
FUNCTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    READ_RESOURCES: lambda args: {"name": args["stackName"], "outputs": STATE},
    "linode:index/getLkeCluster:getLkeCluster": lambda args: LIVE[int(args["id"])],
    "linode:index/getRegions:getRegions": lambda _: {
        "id": "all",
        "regions": [
            *({"id": region, "capabilities": ["Linodes", "Kubernetes", "Object Storage"]} for region in REGIONS),
            {"id": "no-lke", "capabilities": ["Linodes"]},
        ],
    },
    "linode:index/getInstanceTypes:getInstanceTypes": lambda _: {
        "id": "all",
        "types": [{"id": kind, "class": "standard"} for kind in ("g6-standard-1", "g6-standard-2", "g6-standard-4")],
    },
    "linode:index/getLkeClusters:getLkeClusters": lambda args: {
        "id": "found",
        "lkeClusters": [
            {"id": i, "label": label, "tags": []}
            for label, i in CLUSTERS.items()
            if args["filters"][0]["name"] == "label" and label in args["filters"][0]["values"]
        ]
        if args.get("filters")
        else list(LIVE.values()),
    },
    "linode:index/getLkeVersions:getLkeVersions": lambda _: {
        "id": "all",
        "versions": [{"id": v} for v in ("1.34", "1.35")],
    },
}


class Exports(pulumi.ComponentResource):
    """Stands for the stack, which has what the program exports as its outputs."""

    TYPE: Final = "test:index:Exports"

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        super().__init__(self.TYPE, "stack")
        self.register_outputs(dict(outputs))


class Recorder(mocks.MockMonitor):
    """Keeps each request before the mocks answer it; the mocks themselves know neither parents nor dependencies."""

    def __init__(self, engine: mocks.Mocks, *, hooked: bool = False) -> None:
        super().__init__(engine)
        self.graph = Graph()
        self._hooked = hooked

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        """Record, then answer."""
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # the base class has no annotations
        if request.type in ("pulumi:pulumi:Stack", Exports.TYPE):
            return answer
        for name in set(request.additionalSecretOutputs) & set(answer.object):
            value = json_format.MessageToDict(answer.object.fields[name])
            answer.object[name] = {SECRET_MARK: SECRET, "value": value}
        self.graph.nodes[answer.urn] = Node(
            urn=answer.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=_plain(request.object),
            dependencies=frozenset(request.dependencies),
            provider=request.provider,
            protect=request.protect,
            ignore_changes=tuple(request.ignoreChanges),
            secret_outputs=tuple(request.additionalSecretOutputs),
            replace_with=tuple(request.replace_with),
            delete_before_replace=request.deleteBeforeReplace,
            before_create=tuple(request.hooks.before_create),
            before_update=tuple(request.hooks.before_update),
            retained=request.retainOnDelete,
            deleted_with=request.deletedWith,
            after_create=tuple(request.hooks.after_create),
            after_update=tuple(request.hooks.after_update),
            aliases=(*request.aliasURNs, *(alias.urn for alias in request.aliases)),
            outputs=_plain(answer.object) | ({"id": answer.id} if answer.id else {}),
            sources={name: tuple(found.urns) for name, found in request.propertyDependencies.items()},
        )
        if self._hooked:
            for hook in request.hooks.after_create:
                self.graph.call(hook, self.graph.nodes[answer.urn])
        return answer

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        """Record, then answer."""
        answer = super().ReadResource(request)  # type: ignore[no-untyped-call]  # the base class has no annotations
        self.graph.nodes[answer.urn] = Node(
            urn=answer.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs={"id": request.id},
            dependencies=frozenset(request.dependencies),
            provider=request.provider,
            protect=False,
            ignore_changes=(),
            secret_outputs=(),
        )
        return answer

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:  # noqa: N802 - gRPC's name
        """Record what a component gives."""
        self.graph.outputs[request.urn.rsplit("::", 1)[1]] = _plain(request.outputs)
        return empty_pb2.Empty()


def build(
    config: Mapping[str, Any],
    stage: Stage = Stage.UPDATE,
    *,
    deployed: Mapping[str, Any] | Deployed | None = None,
    hooked: bool = False,
) -> Graph:
    """Run the whole program on plain config, to its end, and give what it registered.

    `deployed` has what is deployed. `hooked` says that the engine calls the hooks that follow a creation.

    Raises:
        ConfigError: when the config is refused; nothing is registered then.
    """
    recorder = Recorder(Engine(stage), hooked=hooked)

    async def open_gate(name: str, kubeconfig: str) -> str:
        recorder.graph.awaited.append(name)
        return f"{kubeconfig}{LET_THROUGH}"

    async def let_in(kubeconfig: str) -> str:
        recorder.graph.let_in.append(kubeconfig)
        return f"{kubeconfig}{LET_THROUGH}"

    async def asked(kubeconfig: str, namespace: str, service: str) -> str:
        answer = ANSWERS["kubernetes:core/v1:Service"]
        server = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"]
        status = answer(mocks.MockResourceArgs("", f"{server}/{namespace}/{service}", {}))["status"]
        ingress = [client.V1LoadBalancerIngress(**one) for one in status["loadBalancer"]["ingress"]]
        balancer = client.V1LoadBalancerStatus(ingress=ingress)
        return addresses.published(client.V1ServiceStatus(load_balancer=balancer))

    async def rewrite(kubeconfig: str) -> None:
        recorder.graph.rewritten.append(kubeconfig)

    register_hook = pulumi.ResourceHook.__init__

    def note_hook(hook: pulumi.ResourceHook, name: str, *given: Any) -> None:
        recorder.graph.hooks[name] = hook
        register_hook(hook, name, *given)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]  # it drains what the program leaves pending
    def program() -> pulumi.Output[None]:
        args = FleetArgs(config=parse(config), deployed=Deployed.model_validate(deployed or {}))
        exported = Fleet("fleet", args).outputs
        Exports(exported)
        return pulumi.Output.from_input(_note_sources(exported, recorder.graph))

    with contextlib.ExitStack() as patches:
        patches.enter_context(own_event_loop())
        patches.enter_context(_keeping_everything())
        # Nobody asks which line registered a resource, and below a test that is a hundred frames for each.
        patches.enter_context(mock.patch.object(resource, "_get_stack_trace", source_pb2.StackTrace))
        patches.enter_context(mock.patch.object(pulumi.log, "warn", recorder.graph.warned.append))
        patches.enter_context(mock.patch.object(pulumi.ResourceHook, "__init__", note_hook))
        if stage is Stage.UPDATE:
            patches.enter_context(mock.patch.object(readiness, "wait_until_ready", open_gate))
            patches.enter_context(mock.patch.object(readiness, "wait_until_let_in", let_in))
            patches.enter_context(mock.patch.object(encryption, "rewrite", rewrite))
            patches.enter_context(mock.patch.object(addresses, "asked", asked))
        else:
            patches.enter_context(mock.patch.object(readiness, "connect", _reach_nothing))
        pulumi.runtime.set_mocks(
            recorder.mocks, project="fleet", stack="test", preview=stage is not Stage.UPDATE, monitor=recorder
        )
        program()
    return recorder.graph


def built(config: Mapping[str, Any], stage: Stage = Stage.UPDATE) -> Graph:
    """What `build` gives, for a config that many tests look at: the program runs once, and each has a copy of its own.

    It has no hooks, and what a test has patched is not in it: whoever calls or patches something uses `build`.
    """
    found: Graph = pickle.loads(_built(json.dumps(config), stage))
    return found


@functools.cache
def _built(config: str, stage: Stage) -> bytes:
    graph = build(json.loads(config), stage)
    graph.hooks.clear()
    return pickle.dumps(graph)


@contextlib.contextmanager
def _keeping_everything() -> Iterator[None]:
    """Collect nothing meanwhile: to look for it takes a third of a program's time, and all is needed to its end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _reach_nothing(_kubeconfig: str) -> client.ApiClient:
    raise AssertionError("a preview asks a cluster, which it may not reach (docs/decisions/0191)")


async def _note_sources(outputs: Mapping[str, Any], graph: Graph) -> None:
    for name, value in outputs.items():
        sources = await pulumi.Output.from_input(value).resources()
        urns = [await resource.urn.future() for resource in sources]
        graph.exported_after[name] = {str(urn).rpartition("::")[2] for urn in urns}


@contextlib.contextmanager
def own_event_loop() -> Iterator[None]:
    """Pulumi schedules on the current event loop, of which Python 3.14 makes none by itself.

    The mocks run in worker threads and leave a loop open in each: here each thread has one that is closed again.
    """
    loops = [asyncio.new_event_loop()]

    def give_thread_a_loop() -> None:
        # The mocks are no part of the program, and to measure what is covered takes as long as they do.
        sys.settrace(None)
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    loop = loops[0]
    loop.set_default_executor(futures.ThreadPoolExecutor(initializer=give_thread_a_loop))
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        for each in loops:
            each.close()


def _plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A message as plain data, with the marks of secrets kept, and whole numbers as such."""
    whole: dict[str, Any] = _whole(json_format.MessageToDict(struct))
    return whole


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_whole(below) for below in value]
    return value


def is_secret(value: Any) -> bool:
    """Whether a value of the wire format is marked as a secret."""
    return isinstance(value, Mapping) and value.get(SECRET_MARK) == SECRET


def unwrap(value: Any) -> Any:
    """A value of the wire format without the marks of secrets."""
    if is_secret(value):
        return unwrap(value["value"])
    if isinstance(value, Mapping):
        return {key: unwrap(below) for key, below in value.items()}
    if isinstance(value, list):
        return [unwrap(below) for below in value]
    return value


def contains_unmarked(value: Any, text: str) -> bool:
    """Whether a text stands anywhere in a value outside of marked secrets."""
    if is_secret(value):
        return False
    if isinstance(value, Mapping):
        return any(contains_unmarked(below, text) for below in value.values())
    if isinstance(value, list):
        return any(contains_unmarked(below, text) for below in value)
    return isinstance(value, str) and text in value
