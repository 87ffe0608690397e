"""The Pulumi program: load the config, check it, build the fleet, export what people need."""

import pulumi

from fleet import catalogue, config, deployed
from fleet.fleet import Fleet

settings = config.load()
config.refuse([*catalogue.errors(settings, catalogue.fetch()), *deployed.errors(settings, deployed.fetch())])
for name, value in Fleet("fleet", settings).outputs.items():
    pulumi.export(name, value)
