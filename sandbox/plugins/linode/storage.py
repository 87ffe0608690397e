"""ObjectStorageBucket and ObjectStorageKey: a bucket, and a key that reaches some buckets or all.

Names and types are pulumi-linode's; the rest is from terraform-provider-linode (linode/objbucket, linode/objkey). What
that does over the S3 protocol, with a key of the program's, is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from sandbox.plugins.framework import CheckFailure, Created, Found, ProviderError, carry_secrets, reveal
from sandbox.plugins.framework.schema import Kind, Property, Schema, Use
from sandbox.plugins.framework.shaping import live_inputs, planned, with_secrets
from sandbox.plugins.linode.connection import AccountResource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework import CreateRequest, DeleteRequest, Properties, ReadRequest, UpdateRequest, Value
    from sandbox.plugins.linode.api import Json

_BUCKETS: Final = "/object-storage/buckets"
_KEYS: Final = "/object-storage/keys"
_STRING: Final = Property(kind=Kind.STRING)
_GIVEN: Final = Property(kind=Kind.STRING, use=Use.REQUIRED)
_COMPUTED: Final = Property(kind=Kind.STRING, use=Use.OUTPUT)
_DAYS: Final = Property(kind=Kind.INTEGER)
_EXPIRATION: Final[Schema] = {
    "date": _STRING,
    "days": _DAYS,
    "expiredObjectDeleteMarker": Property(kind=Kind.BOOLEAN),
}
_LIFECYCLE: Final[Schema] = {
    "enabled": Property(kind=Kind.BOOLEAN, use=Use.REQUIRED),
    "abortIncompleteMultipartUploadDays": _DAYS,
    "expiration": Property(kind=Kind.OBJECT, fields=_EXPIRATION),
    "id": Property(kind=Kind.STRING, use=Use.FILLED),
    "noncurrentVersionExpiration": Property(
        kind=Kind.OBJECT, fields={"days": Property(kind=Kind.INTEGER, use=Use.REQUIRED)}
    ),
    "prefix": _STRING,
}
_OVER_S3: Final = ("accessKey", "cert", "lifecycleRules", "secretKey", "versioning")


class ObjectStorageBucket(AccountResource):
    """A bucket. Only an empty one can be deleted."""

    token = "linode:index/objectStorageBucket:ObjectStorageBucket"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        "label": Property(kind=Kind.STRING, use=Use.REQUIRED, force_new=True),
        "region": Property(kind=Kind.STRING, use=Use.REQUIRED, force_new=True),
        "accessKey": _STRING,
        "acl": Property(kind=Kind.STRING, default="private"),
        "cert": Property(kind=Kind.OBJECT, fields={"certificate": _GIVEN, "privateKey": _GIVEN}),
        "corsEnabled": Property(kind=Kind.BOOLEAN, use=Use.FILLED),
        "endpointType": Property(kind=Kind.STRING, use=Use.FILLED, force_new=True),
        "lifecycleRules": Property(kind=Kind.LIST, items=Property(kind=Kind.OBJECT, fields=_LIFECYCLE)),
        "s3Endpoint": Property(kind=Kind.STRING, use=Use.FILLED, force_new=True),
        "secretKey": Property(kind=Kind.STRING, secret=True),
        "versioning": Property(kind=Kind.BOOLEAN, use=Use.FILLED),
        "endpoint": _COMPUTED,
        "hostname": _COMPUTED,
    }

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """Nothing that takes the S3 protocol."""
        reason = "the offline stand-in does nothing over the S3 protocol"
        return [CheckFailure(path=name, reason=reason) for name in _OVER_S3 if inputs.get(name) is not None]

    def create(self, request: CreateRequest) -> Created:
        """Make it; the account's own of the same name and region is as good."""
        if request.preview:
            return Created(id="", outputs=planned(self.schema, request.inputs))
        inputs = reveal(self.effective(request.inputs))
        body = {"label": inputs["label"], "region": inputs["region"], "acl": inputs["acl"]}
        for name, field in (("corsEnabled", "cors_enabled"), ("endpointType", "endpoint_type")):
            if name in inputs:
                body[field] = inputs[name]
        made = self._connection.api().post(_BUCKETS, body)
        return Created(id=f"{made['region']}:{made['label']}", outputs=inputs | _bucket(made))

    def read(self, request: ReadRequest) -> Found | None:
        """Look at it; None if the API knows it no longer."""
        bucket = self._connection.api().find(_bucket_path(request.id))
        if bucket is None:
            return None
        # The account does not tell who may read it by the call that shows it.
        outputs = reveal(request.outputs) | _bucket(bucket)
        return Found(id=request.id, inputs=live_inputs(self.schema, request.inputs, outputs), outputs=outputs)

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Nothing of it can change without a replacement but who may read it."""
        del request
        raise ProviderError("the offline stand-in cannot change acl and corsEnabled of a bucket that is there")

    def delete(self, request: DeleteRequest) -> None:
        """Remove it; Linode refuses that for one with something in it."""
        self._connection.api().remove(_bucket_path(request.id))


class ObjectStorageKey(AccountResource):
    """A key pair. Its secret is told once, and in the state from then on."""

    token = "linode:index/objectStorageKey:ObjectStorageKey"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        "label": _GIVEN,
        "bucketAccesses": Property(
            kind=Kind.SET,
            force_new=True,
            items=Property(
                kind=Kind.OBJECT,
                fields={
                    "bucketName": _GIVEN,
                    "permissions": _GIVEN,
                    "region": _GIVEN,
                },
            ),
        ),
        "regions": Property(kind=Kind.SET, use=Use.FILLED, items=_STRING),
        "accessKey": _COMPUTED,
        "limited": Property(kind=Kind.BOOLEAN, use=Use.OUTPUT),
        "regionsDetails": Property(
            kind=Kind.SET,
            use=Use.OUTPUT,
            items=Property(
                kind=Kind.OBJECT, fields={"endpointType": _COMPUTED, "id": _COMPUTED, "s3Endpoint": _COMPUTED}
            ),
        ),
        "secretKey": Property(kind=Kind.STRING, use=Use.OUTPUT, secret=True),
    }

    def create(self, request: CreateRequest) -> Created:
        """Make it, and keep its secret."""
        if request.preview:
            return Created(id="", outputs=planned(self.schema, request.inputs))
        inputs = reveal(self.effective(request.inputs))
        body: Json = {"label": inputs["label"]}
        if "regions" in inputs:
            body["regions"] = inputs["regions"]
        if "bucketAccesses" in inputs:
            body["bucket_access"] = [
                {"bucket_name": one["bucketName"], "permissions": one["permissions"], "region": one["region"]}
                for one in inputs["bucketAccesses"]
            ]
        made = self._connection.api().post(_KEYS, body)
        outputs = inputs | _key(made) | {"secretKey": made["secret_key"]}
        return Created(id=str(made["id"]), outputs=carry_secrets(request.inputs, with_secrets(self.schema, outputs)))

    def read(self, request: ReadRequest) -> Found | None:
        """Look at it; None if it is revoked. Its secret is not told again."""
        key = self._connection.api().find(f"{_KEYS}/{request.id}")
        if key is None:
            return None
        outputs = dict(request.outputs) | _key(key)
        inputs = live_inputs(self.schema, request.inputs, outputs)
        return Found(id=request.id, inputs=inputs, outputs=outputs)

    def update(self, request: UpdateRequest) -> Mapping[str, Value]:
        """Call it something else, or let it into other regions."""
        inputs = reveal(self.effective(request.inputs))
        if request.preview:
            planned_outputs: Properties = dict(request.old_outputs) | inputs
            return planned_outputs
        body = {name: inputs[name] for name in ("label", "regions") if name in inputs}
        outputs: Properties = dict(request.old_outputs)
        return outputs | _key(self._connection.api().put(f"{_KEYS}/{request.id}", body))

    def delete(self, request: DeleteRequest) -> None:
        """Revoke it."""
        self._connection.api().remove(f"{_KEYS}/{request.id}")


def _bucket_path(identity: str) -> str:
    region, _, label = identity.partition(":")
    return f"{_BUCKETS}/{region}/{label}"


def _bucket(record: Json) -> Properties:
    return {
        "label": record["label"],
        "region": record["region"],
        "endpoint": record["s3_endpoint"],
        "endpointType": record["endpoint_type"],
        "hostname": record["hostname"],
        "s3Endpoint": record["s3_endpoint"],
    }


def _key(record: Json) -> Properties:
    """A key's record without its secret, which only the answer that makes it has."""
    details: list[dict[str, Any]] = [
        {"endpointType": one["endpoint_type"], "id": one["id"], "s3Endpoint": one["s3_endpoint"]}
        for one in record["regions"]
    ]
    accesses = [
        {"bucketName": one["bucket_name"], "permissions": one["permissions"], "region": one["region"]}
        for one in record["bucket_access"] or ()
    ]
    return {
        "label": record["label"],
        "accessKey": record["access_key"],
        "limited": record["limited"],
        "regions": sorted(one["id"] for one in details),
        "regionsDetails": details,
    } | ({"bucketAccesses": accesses} if accesses else {})
