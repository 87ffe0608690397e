"""Block storage volumes; sizes in GB."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from sandbox.linode.schemas.base import ApiObject, RequestObject
from sandbox.linode.schemas.naming import Tags, VolumeLabel

_SMALLEST, _LARGEST = 10, 16_384


def _size(value: int) -> int:
    if not _SMALLEST <= value <= _LARGEST:
        raise PydanticCustomError("size", f"Must be {_SMALLEST}-{_LARGEST}")
    return value


VolumeSize = Annotated[int, AfterValidator(_size)]
LinodeId = Annotated[int, Field(gt=0, lt=2**53)]


class VolumeUpdate(RequestObject):
    """What can change of a volume."""

    label: VolumeLabel | None = None
    tags: Tags | None = None


class VolumeCreate(VolumeUpdate):
    """A volume to make, in a region or on a Linode of it."""

    label: VolumeLabel
    size: VolumeSize = 20
    region: str | None = None
    linode_id: LinodeId | None = None
    encryption: Literal["enabled", "disabled"] = "disabled"


class VolumeClone(RequestObject):
    """A copy to make."""

    label: VolumeLabel


class VolumeAttach(RequestObject):
    """Where to attach a volume."""

    linode_id: LinodeId


class VolumeResize(RequestObject):
    """How large a volume should become."""

    size: VolumeSize


class Volume(ApiObject):
    """A volume, as the API shows it."""

    id: int
    status: Literal["active"] = "active"
    label: str
    created: str
    updated: str
    filesystem_path: str
    size: int
    linode_id: int | None
    linode_label: str | None
    io_ready: bool
    region: str
    tags: tuple[str, ...]
    hardware_type: Literal["nvme"] = "nvme"
    encryption: str
    locks: tuple[str, ...] = ()
