"""Encryption at rest: what of Karmada's etcd is encrypted, with which keys, and how what is there follows.

The keys are made here and kept in the stack's state. A key that no longer writes still reads; docs/decisions/0168 has
the steps of a rotation.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random
import pulumi_tls as tls
import yaml
from pulumi import Input, Output, ResourceOptions
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from fleet import objects, waiting
from fleet.lke import readiness
from fleet.naming import KARMADA

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kubernetes import client

    from fleet.config import etcd

RESOURCES: Final = ("secrets", "works.work.karmada.io")
"""A Work holds whatever it brings to its member, Secrets among it; custom resources count since Kubernetes 1.26."""
PATHS: Final = (("/api/v1", "secrets"), ("/apis/work.karmada.io/v1alpha1", "works"))
"""Where the same are served."""
SECRET: Final = "karmada-encryption"  # noqa: S105 - the Secret's name
SECRET_KEY: Final = "encryption-config.yaml"  # noqa: S105 - the name of what is in it
KEY_BYTES: Final = 32
"""Of secretbox, the only size that it has (XSalsa20 and Poly1305)."""
LEAKED: Final = (
    "karmada.encryption.keys: {key!r} stands in the state in the clear, as the id of a resource: an earlier "
    "Fleet made it so (docs/decisions/0216). Whoever reads the state and a backup reads Karmada's Secrets. "
    "Turn to another key, which does not: docs/day-two.md#another-key-of-encryption-at-rest."
)
KEY_PREFIX: Final = f"{KARMADA}-encryption-key-"
"""Before a key's name, in that of its resource."""
RECORD: Final = f"{KARMADA}-encrypted"
"""The name of what the engine keeps of the key by which all that is to be encrypted is."""
TIMEOUT_SECONDS: Final = 300
PAUSE_SECONDS: Final = 1


@dataclass(frozen=True, kw_only=True)
class KarmadaEncryptionArgs:
    """The keys, and the provider and the namespace of the cluster that Karmada runs on."""

    encryption: etcd.Encryption
    host: kubernetes.Provider
    namespace: Input[str]
    in_ids: Collection[str] = ()
    """Keys that an earlier Fleet made, which stand in the state as ids of resources, in the clear."""


class KarmadaEncryption(pulumi.ComponentResource):
    """The keys, and the Secret by which the API server knows them."""

    secret: Output[str]
    """The Secret's name."""
    keys: Output[list[str]]
    """The keys as etcd's content names them, the one that writes first."""
    fingerprint: Output[str]
    """Another one when the API server has to be told something."""

    def __init__(self, name: str, args: KarmadaEncryptionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Encryption", name, {}, opts)
        child = ResourceOptions(parent=self)
        writing = args.encryption.writing_key
        for key in sorted({*args.encryption.keys} & {*args.in_ids}):
            pulumi.log.warn(LEAKED.format(key=key))
        made = {
            key: _made(f"{name}-key-{key}", child, in_id=key in args.in_ids)
            for key in (writing, *(key for key in args.encryption.keys if key != writing))
        }
        keys = Output.all(**made).apply(lambda known: [(key, known[key]) for key in made])
        text: Output[str] = Output.secret(keys.apply(configuration))
        self.keys = Output.unsecret(keys.apply(lambda known: [key_name(*key) for key in known]))
        self.fingerprint = Output.unsecret(text.apply(fingerprint))
        secret = kubernetes.core.v1.Secret(
            f"{name}-config",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=SECRET, namespace=args.namespace),
            string_data={SECRET_KEY: text},
            opts=ResourceOptions(parent=self, provider=args.host),
        )
        self.secret = secret.metadata.name
        self.register_outputs({"keys": self.keys})


def _made(name: str, opts: ResourceOptions, *, in_id: bool) -> Output[str]:
    """A key in base64. One that there is stays what it is: what is stored is read by it."""
    if in_id:
        return random.RandomBytes(name, length=KEY_BYTES, opts=opts).base64
    return tls.PrivateKey(name, algorithm="ED25519", opts=opts).private_key_pem.apply(derived)


def derived(private_key_pem: str) -> str:
    """A key of secretbox's size out of a private key, which is secret in the state, and whose id tells nothing."""
    return base64.b64encode(hashlib.sha256(private_key_pem.encode()).digest()).decode()


def configuration(keys: Sequence[tuple[str, str]]) -> str:
    """An EncryptionConfiguration: the first key writes, all of them read, and so does what was never encrypted."""
    named = [{"name": key_name(name, value), "secret": value} for name, value in keys]
    providers: list[Mapping[str, Any]] = [{"secretbox": {"keys": named}}, {"identity": {}}]
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": list(RESOURCES), "providers": providers}],
    }
    return yaml.safe_dump(document, sort_keys=False)


def key_name(name: str, value: str) -> str:
    """What etcd's content calls a key: another key of the same name in the config has another name there."""
    return f"{name}-{fingerprint(value)[:8]}"


def key_names(configuration: str) -> list[str]:
    """The names of the keys in an EncryptionConfiguration of ours.

    Raises:
        ValueError: it is none.
    """
    try:
        [rule] = yaml.safe_load(configuration)["resources"]
        return [key["name"] for provider in rule["providers"] for key in provider.get("secretbox", {}).get("keys", ())]
    except (yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError):
        # The cause would carry the keys into the error's text.
        raise ValueError("this is no EncryptionConfiguration of Fleet's") from None


async def rewrite(kubeconfig: str) -> None:
    """Have Karmada write whatever is to be encrypted, so that all of it is encrypted by the key that writes now.

    Args:
        kubeconfig: Karmada's, YAML text; secret, and never part of a message.

    Raises:
        pulumi.RunError: when it is not done after five minutes.
    """
    if pulumi.runtime.is_dry_run():
        return
    await waiting.persist(
        _rewrite,
        kubeconfig,
        lambda reason: (
            f"Karmada's secrets and works were not all encrypted anew in {TIMEOUT_SECONDS // 60} minutes ({reason}); "
            "they can be read as before. `pulumi up` again goes on from here."
        ),
    )


@retry(
    retry=retry_if_exception(waiting.is_trouble),
    stop=stop_after_delay(TIMEOUT_SECONDS),
    wait=wait_fixed(PAUSE_SECONDS),
    before_sleep=waiting.telling("Karmada to encrypt its secrets and works anew"),
)
def _rewrite(kubeconfig: str) -> None:
    with readiness.connect(kubeconfig) as api:
        rewrite_all(api)


def rewrite_all(api: client.ApiClient) -> int:
    """Change nothing in every secret and work; how many there are.

    An API server writes an object that is changed by nothing only if another key encrypted it, or none
    (`stale` in k8s.io/apiserver/pkg/storage/etcd3/store.go), so this costs little where all is well.

    Raises:
        ApiException: Karmada refuses.
    """
    count = 0
    for group, resource in PATHS:
        for found in objects.listed(api, f"{group}/{resource}"):
            objects.patch(api, f"{group}/namespaces/{found['namespace']}/{resource}/{found['name']}", {})
            count += 1
    return count


def fingerprint(text: str) -> str:
    """SHA-256 of a key or of a configuration, in hexadecimal: what may be seen of it."""
    return hashlib.sha256(text.encode()).hexdigest()
