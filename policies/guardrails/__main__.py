"""Serves the guardrails to the engine: `pulumi preview --policy-pack policies/guardrails`."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

# The language host runs this file in its own folder, and its modules belong to the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from policies.guardrails.pack import policies
from policies.guardrails.stack import Session

PolicyPack("fleet-guardrails", policies(Session()))
