"""The Pulumi program: load the config, check it, build the fleet, export what people need."""

import pulumi

from fleet import own_address, running, steps, upgrades
from fleet.config import reader
from fleet.fleet import Fleet, FleetArgs
from fleet.lke import catalogue

settings = reader.load()
there = running.fetch()
reader.refuse(
    [
        *catalogue.errors(settings, catalogue.fetch(), there),
        *steps.errors(settings, there),
        *own_address.errors(settings, there),
        *upgrades.errors(settings, there),
    ]
)
for name, value in Fleet("fleet", FleetArgs(config=settings, deployed=there)).outputs.items():
    pulumi.export(name, value)
