"""What belongs to one Linode: its addresses, disks and configuration profiles."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sandbox.linode.schemas.base import ApiObject


class Owner(ApiObject):
    """Whose an address is."""

    id: int
    label: str
    type: str = "linode"
    url: str


class PublicAddress(ApiObject):
    """A public IPv4 address; the network is the /24 that it is in."""

    address: str
    gateway: str
    interface_id: None = None
    linode_id: int
    prefix: int = 24
    public: bool = True
    rdns: str
    region: str
    reserved: bool = False
    subnet_mask: str = "255.255.255.0"
    tags: tuple[str, ...] = ()
    type: str = "ipv4"
    vpc_nat_1_1: None = None
    assigned_entity: Owner


class Ipv4Addresses(ApiObject):
    """The IPv4 addresses of a Linode by kind; an LKE node has public ones alone."""

    public: tuple[PublicAddress, ...]
    private: tuple[()] = ()
    shared: tuple[()] = ()
    reserved: tuple[()] = ()
    vpc: tuple[()] = ()


class Ipv6Addresses(ApiObject):
    """The sandbox has no IPv6."""

    slaac: None = None
    link_local: None = None
    global_: Annotated[tuple[()], Field(alias="global")] = ()


class Addresses(ApiObject):
    """Every address of a Linode."""

    ipv4: Ipv4Addresses
    ipv6: Ipv6Addresses = Ipv6Addresses()


class InstanceDisk(ApiObject):
    """A disk; size in MiB."""

    id: int
    label: str
    status: str = "ready"
    size: int
    filesystem: str
    created: str
    updated: str
    disk_encryption: str


class Device(ApiObject):
    """What a device of a profile is."""

    disk_id: int | None
    volume_id: int | None = None


class Devices(ApiObject):
    """The devices of a profile: an LKE node boots from its first disk."""

    sda: Device
    sdb: Device | None = None
    sdc: Device | None = None
    sdd: Device | None = None
    sde: Device | None = None
    sdf: Device | None = None
    sdg: Device | None = None
    sdh: Device | None = None


class Helpers(ApiObject):
    """What is done to the file system before booting; nothing on LKE nodes, which bring their own kernel."""

    devtmpfs_automount: bool = False
    distro: bool = False
    modules_dep: bool = False
    network: bool = False
    updatedb_disabled: bool = False


class InstanceConfig(ApiObject):
    """A configuration profile: what a Linode boots, and from which devices."""

    id: int
    label: str
    comments: str = ""
    devices: Devices
    helpers: Helpers = Helpers()
    interfaces: tuple[()] = ()
    kernel: str = "linode/grub2"
    memory_limit: int = 0
    root_device: str = "/dev/sda"
    run_level: str = "default"
    virt_mode: str = "paravirt"
