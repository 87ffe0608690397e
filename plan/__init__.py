"""A change as plain data: what the engine plans, what is billed before and after, and what would be lost.

The review of a change and the guardrails read it; nothing here knows either, or runs Pulumi.

- `steps`: resources and what becomes of them. `events` reads them from the engine's event log.
- `dangers`: which steps hurt; `pools` has those of nodes.
- `inventory`, `prices`, `cost`: what is billed, and at what price.
"""
