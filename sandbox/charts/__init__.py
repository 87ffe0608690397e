"""Charts with no chart repository: folders of the very Go modules whose commands the sandbox runs.

A user with internet needs none of this: `fleet:charts` defaults to the projects' own repositories.
"""

from sandbox.charts.staging import stage

__all__ = ["stage"]
