"""Pulumi on the unchanged program: what is chosen, what is kept where, and what the checkout never sees."""
