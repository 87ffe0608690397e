"""What no stack of the fleet may be: rules that Pulumi's engine asks at every preview and update (docs/guardrails.md).

The pack is a Pulumi project of its own, with an environment of its own, and is run from the checkout.

- `model`: what a rule gets and gives. `rules`: the rules, pure functions on plain data.
- `catalogue`: each guardrail with its reason, its levels and its rules.
- `stack`: what the pack knows of the stack besides its resources. `export`: what it was before.
- `pack`: the only module that knows pulumi-policy. `__main__` serves the pack, and never returns.
"""
