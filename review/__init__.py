"""What a change would do, told before it is done: dangers, changes, guardrail findings and cost.

The engine writes what it plans to a file (`pulumi preview --event-log`), which plan/ reads. Nothing here runs Pulumi or
changes anything, so it serves the sandbox, a laptop and a pull request alike. Out of scope: rules on how a fleet must
be (policies/guardrails has these; their findings arrive as events).

- `changes`: what a reader needs to see of each step.
- `behind`: which clusters run an older Kubernetes than new ones get.
- `report`: all of it together. `comment` writes it as Markdown, `terminal` shows it.
"""
