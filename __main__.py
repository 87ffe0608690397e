"""The Pulumi program: load the config, check it, build the fleet, export what people need."""

import pulumi

from fleet import catalogue, config
from fleet.fleet import Fleet

settings = config.load()
catalogue.check(settings, catalogue.fetch())
for name, value in Fleet("fleet", settings).outputs.items():
    pulumi.export(name, value)
