"""The stand-ins' tables against the installed SDK packages, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pulumi_linode
import pulumi_random
import pulumi_tls
import pytest

from sandbox.plugins.framework.schema import Use, force_new_paths
from sandbox.plugins.linode.cluster import LkeCluster
from sandbox.plugins.linode.connection import Connection
from sandbox.plugins.linode.firewall import Firewall
from sandbox.plugins.linode.firewall_device import FirewallDevice
from sandbox.plugins.linode.storage import ObjectStorageBucket, ObjectStorageKey
from sandbox.plugins.random.bytes import RandomBytes
from sandbox.plugins.random.identifier import RandomId
from sandbox.plugins.random.string import RandomString
from sandbox.plugins.tls.locally_signed import LocallySignedCert
from sandbox.plugins.tls.private_key import PrivateKey
from sandbox.plugins.tls.request import CertRequest
from sandbox.plugins.tls.self_signed import SelfSignedCert
from tests.plugins import sdk

if TYPE_CHECKING:
    from sandbox.plugins.framework.schema_resource import SchemaResource


class Case(NamedTuple):
    """A type of ours, the official classes, and the facts that the SDK does not carry."""

    ours: SchemaResource
    resource: type
    arguments: type
    force_new: frozenset[str]


_CERTIFICATE = {"allowedUses", "isCaCertificate", "maxPathLength", "setSubjectKeyId", "validityPeriodHours"}
_NAMES = {"dnsNames", "ipAddresses", "subject", "uris"}

# RequiresReplace and ForceNew in terraform-provider-random (internal/provider/resource_*.go),
# terraform-provider-tls (internal/provider/resource_*.go; that a new version of a write-only key replaces is from the
# SDK's own documentation) and terraform-provider-linode (linode/lke/schema_resource.go, linode/firewall,
# linode/firewalldevice, linode/objbucket, linode/objkey).
_CASES = {
    "random.RandomBytes": Case(
        RandomBytes(),
        pulumi_random.RandomBytes,
        pulumi_random.RandomBytesArgs,
        frozenset({"keepers", "length"}),
    ),
    "random.RandomId": Case(
        RandomId(),
        pulumi_random.RandomId,
        pulumi_random.RandomIdArgs,
        frozenset({"byteLength", "keepers", "prefix"}),
    ),
    "random.RandomString": Case(
        RandomString(),
        pulumi_random.RandomString,
        pulumi_random.RandomStringArgs,
        frozenset(
            {
                *("keepers", "length", "lower", "minLower", "minNumeric", "minSpecial", "minUpper"),
                *("number", "numeric", "overrideSpecial", "special", "upper"),
            }
        ),
    ),
    "tls.PrivateKey": Case(
        PrivateKey(),
        pulumi_tls.PrivateKey,
        pulumi_tls.PrivateKeyArgs,
        frozenset({"algorithm", "ecdsaCurve", "rsaBits"}),
    ),
    "tls.CertRequest": Case(
        CertRequest(),
        pulumi_tls.CertRequest,
        pulumi_tls.CertRequestArgs,
        frozenset({*_NAMES, "privateKeyPem", "privateKeyPemWoVersion"}),
    ),
    "tls.SelfSignedCert": Case(
        SelfSignedCert(),
        pulumi_tls.SelfSignedCert,
        pulumi_tls.SelfSignedCertArgs,
        frozenset({*_CERTIFICATE, *_NAMES, "privateKeyPem", "privateKeyPemWoVersion", "setAuthorityKeyId"}),
    ),
    "tls.LocallySignedCert": Case(
        LocallySignedCert(),
        pulumi_tls.LocallySignedCert,
        pulumi_tls.LocallySignedCertArgs,
        frozenset({*_CERTIFICATE, "caCertPem", "caPrivateKeyPem", "caPrivateKeyPemWoVersion", "certRequestPem"}),
    ),
    "linode.Firewall": Case(
        Firewall(Connection()),
        pulumi_linode.Firewall,
        pulumi_linode.FirewallArgs,
        frozenset(),
    ),
    "linode.FirewallDevice": Case(
        FirewallDevice(Connection()),
        pulumi_linode.FirewallDevice,
        pulumi_linode.FirewallDeviceInitArgs,
        frozenset({"entityId", "entityType", "firewallId"}),
    ),
    "linode.LkeCluster": Case(
        LkeCluster(Connection()),
        pulumi_linode.LkeCluster,
        pulumi_linode.LkeClusterArgs,
        frozenset({"aplEnabled", "region", "tier"}),
    ),
    "linode.ObjectStorageBucket": Case(
        ObjectStorageBucket(Connection()),
        pulumi_linode.ObjectStorageBucket,
        pulumi_linode.ObjectStorageBucketArgs,
        frozenset({"endpointType", "label", "region", "s3Endpoint"}),
    ),
    "linode.ObjectStorageKey": Case(
        ObjectStorageKey(Connection()),
        pulumi_linode.ObjectStorageKey,
        pulumi_linode.ObjectStorageKeyArgs,
        frozenset({"bucketAccesses"}),
    ),
}

# Outputs that the SDK's argument types list too: the bridge cannot tell that Terraform only computes them.
_COMPUTED_ARGUMENTS = {"pools": {"id", "nodes"}}


@pytest.fixture(params=list(_CASES.values()), ids=list(_CASES))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_inputs_have_the_names_and_types_of_the_sdk(case: Case) -> None:
    ours = {name: sdk.shape(prop) for name, prop in case.ours.schema.items() if prop.settable}
    assert ours == sdk.inputs(case.arguments)


def test_outputs_have_the_names_and_types_of_the_sdk(case: Case) -> None:
    assert {name: sdk.shape(prop) for name, prop in case.ours.schema.items()} == sdk.outputs(case.resource)


def test_the_same_inputs_are_required(case: Case) -> None:
    ours = {name for name, prop in case.ours.schema.items() if prop.use is Use.REQUIRED}
    assert ours == sdk.required(case.arguments)


def test_the_same_outputs_are_secret(case: Case) -> None:
    assert {name for name, prop in case.ours.schema.items() if prop.secret} == sdk.secrets(case.resource)


def test_the_same_changes_force_a_replacement(case: Case) -> None:
    assert force_new_paths(case.ours.schema) == case.force_new


def test_what_terraform_only_computes_cannot_be_set() -> None:
    for name, computed in _COMPUTED_ARGUMENTS.items():
        items = LkeCluster.schema[name].items
        assert items is not None
        assert {field for field, prop in items.fields.items() if not prop.settable} == computed


def test_nested_requirements_are_those_of_the_sdk() -> None:
    pool = LkeCluster.schema["pools"].items
    assert pool is not None
    taint = pool.fields["taints"].items
    assert taint is not None
    for fields, arguments in (
        (pool.fields, pulumi_linode.LkeClusterPoolArgs),
        (taint.fields, pulumi_linode.LkeClusterPoolTaintArgs),
        (pool.fields["autoscaler"].fields, pulumi_linode.LkeClusterPoolAutoscalerArgs),
    ):
        ours = {name for name, prop in fields.items() if prop.use is Use.REQUIRED}
        assert ours == sdk.required(arguments), arguments.__name__
