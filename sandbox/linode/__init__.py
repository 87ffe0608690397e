"""An emulated Linode account: API v4 over HTTP, as far as someone with LKE clusters touches it.

    from sandbox.linode import LinodeApi

    with LinodeApi() as api:          # a free port on 127.0.0.1, state in memory, simulated clusters
        api.url                       # "http://127.0.0.1:43210"
        api.token                     # a token with all rights

linode_api4 takes ``base_url=f"{api.url}/v4"`` and the token; the Pulumi and Terraform providers take LINODE_URL (with
no version, which they append) and LINODE_TOKEN; linode-cli takes LINODE_CLI_API_HOST (host:port),
LINODE_CLI_API_SCHEME=http and LINODE_CLI_TOKEN. `LinodeApiArgs` chooses the address, the file that keeps the account,
tokens with narrower scopes, rate limits, and the backend that makes clusters real (backend.py is the seam).

Four parts: routes/ (the endpoints), schemas/ (their JSON), state/ (what is remembered), errors.py (the API's refusals);
server.py serves them. docs/linode-api.md lists what is emulated and what is not.
"""

from sandbox.linode.limits import PUBLISHED, UNLIMITED, RateLimits
from sandbox.linode.server import AccessToken, LinodeApi, LinodeApiArgs

__all__ = ["PUBLISHED", "UNLIMITED", "AccessToken", "LinodeApi", "LinodeApiArgs", "RateLimits"]
