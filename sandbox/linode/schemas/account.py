"""The account, its user's profile, and API tokens."""

from sandbox.linode.schemas.base import ApiObject


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
        "Kubernetes",
        "LKE HA Control Planes",
        "LKE Network Access Control List (IP ACL)",
    )
    active_promotions: tuple[str, ...] = ()
    euuid: str
