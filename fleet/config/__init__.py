"""The stack's config: frozen models, the rules between them, and the one reader of pulumi.Config.

- `settings`: the sections; `fields` has the kinds of single values, and bigger sections have modules of their own.
- `rules`, `cluster_rules`, `workload_rules`: what must hold between sections.
- `violations` and `complaints`: how a mistake is told.
- `decoding`: config as Pulumi hands it over. `reader` is the only module that asks for it.
"""
