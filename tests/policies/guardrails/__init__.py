"""Claims about the guardrails' rules; policies/guardrails/tests has those about the pack itself."""
