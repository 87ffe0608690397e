"""`python -m review report EVENTS`: what a previewed change would do. `python -m review stacks`: what to preview."""

from review.cli import app

app(prog_name="python -m review")
