"""How figures are made out of what was measured."""
