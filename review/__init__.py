"""What a change would do, told before it is done: dangers, changes, guardrail findings and cost.

The engine writes what it plans to a file (`pulumi preview --event-log`), and this room reads it. It runs no Pulumi and
changes nothing, so it serves the sandbox, a laptop and a pull request alike. Out of scope: rules on how a fleet must
be (policies/guardrails has these; their findings arrive as events).

- `steps`: the plan as plain data. `events` reads it from the engine's file.
- `dangers`: which steps hurt. `inventory`, `prices`, `cost`: what is billed, at what price, before and after.
- `behind`: which clusters run an older Kubernetes than new ones get.
- `report`: all of it together. `comment` writes it as Markdown, `terminal` shows it.
"""
