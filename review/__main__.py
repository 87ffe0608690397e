"""`python -m review EVENTS`: the report on a preview whose events are in a file."""

from review.cli import app

app(prog_name="python -m review")
