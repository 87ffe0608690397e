"""The Pulumi program: load the config, check it, build the fleet, export what people need."""

import pulumi

from fleet import catalogue, config, deployed, upgrades, whereabouts
from fleet.fleet import Fleet, FleetArgs

settings = config.load()
running = deployed.fetch()
config.refuse(
    [
        *catalogue.errors(settings, catalogue.fetch(), running),
        *deployed.errors(settings, running),
        *whereabouts.errors(settings, running),
        *upgrades.errors(settings, running),
    ]
)
for name, value in Fleet("fleet", FleetArgs(config=settings, deployed=running)).outputs.items():
    pulumi.export(name, value)
