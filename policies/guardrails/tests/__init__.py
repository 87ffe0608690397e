"""Claims about the pack as pulumi-policy has it, run in the pack's own environment (`make unit`)."""
