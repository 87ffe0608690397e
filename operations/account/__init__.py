"""Fleet tried on an account of whoever has a token: brought up, looked at, changed, taken away, and searched for.

- `check`: the order of it all. `limits`: how long and how dear it may be. `stages` of operations say how far it is.
- `folder`: what is kept while it runs, and after it failed. `engine`: Pulumi, on that folder.
- `estimate`: what it costs, by the review's inventory and prices. `claims`: what holds of the fleet.
- `leftovers`: what the account still has of it.
"""
