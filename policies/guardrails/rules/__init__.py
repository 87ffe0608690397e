"""The rules of the guardrails, by what they look at."""
