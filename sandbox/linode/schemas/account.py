"""The account, its user's profile, and API tokens."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from sandbox.linode.auth import Scopes
from sandbox.linode.schemas.base import ApiObject, RequestObject


def _scopes(text: str) -> str:
    try:
        return str(Scopes.parse(text))
    except ValueError as error:
        raise PydanticCustomError("scopes", "Invalid OAuth scopes") from error


def _expiry(text: str) -> str:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
    except ValueError as error:
        raise PydanticCustomError("expiry", "Must be a date and time as in 2030-01-31T12:00:00") from error
    return text


TokenLabel = Annotated[str, Field(min_length=1, max_length=100)]


class Referrals(ApiObject):
    """Referrals of the user: the sandbox's has none."""

    code: str = ""
    url: str = ""
    total: int = 0
    completed: int = 0
    pending: int = 0
    credit: float = 0


class Profile(ApiObject):
    """The user that the token belongs to."""

    uid: int = 1
    username: str = "sandbox"
    email: str = "sandbox@example.com"
    verified_phone_number: str | None = None
    timezone: str = "GMT"
    email_notifications: bool = False
    referrals: Referrals = Referrals()
    ip_whitelist_enabled: bool = False
    lish_auth_method: str = "disabled"
    authorized_keys: tuple[str, ...] | None = None
    two_factor_auth: bool = False
    restricted: bool = False
    authentication_type: str = "password"
    user_type: str = "default"


class CreditCard(ApiObject):
    """The account's card: the sandbox has nothing to pay."""

    last_four: str | None = None
    expiry: str | None = None


class Account(ApiObject):
    """The account that owns the resources."""

    company: str = "Fleet sandbox"
    email: str = "sandbox@example.com"
    first_name: str = ""
    last_name: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    phone: str = ""
    balance: float = 0
    tax_id: str = ""
    billing_source: str = "linode"
    credit_card: CreditCard = CreditCard()
    balance_uninvoiced: float = 0
    active_since: str
    capabilities: tuple[str, ...] = (
        "Linodes",
        "NodeBalancers",
        "Block Storage",
        "Cloud Firewall",
        "Kubernetes",
        "LKE HA Control Planes",
        "LKE Network Access Control List (IP ACL)",
    )
    active_promotions: tuple[str, ...] = ()
    euuid: str


class EventEntity(ApiObject):
    """What an event is about."""

    id: int | str
    type: str
    label: str
    url: str


class Event(ApiObject):
    """Something that happened in the account; everything the emulator does is finished at once."""

    id: int
    action: str
    created: str
    username: str = "sandbox"
    entity: EventEntity | None
    secondary_entity: EventEntity | None
    details: None = None
    status: str = "finished"
    message: str = ""
    percent_complete: int = 100
    time_remaining: None = None
    rate: None = None
    duration: float = 0
    seen: bool
    read: bool


class TokenUpdate(RequestObject):
    """What can change of a token."""

    label: TokenLabel | None = None


class TokenCreate(TokenUpdate):
    """A token to make."""

    scopes: Annotated[str, AfterValidator(_scopes)] = "*"
    expiry: Annotated[str, AfterValidator(_expiry)] | None = None


class Token(ApiObject):
    """A token; `token` is the whole secret only in the answer that made it, and its beginning ever after."""

    id: int
    label: str
    scopes: str
    created: str
    expiry: str | None
    token: str
