"""The README shows what the program builds."""

from docs.picture import README, draw, placed
from tests.unit.configs import stack
from tests.unit.graph import built


def test_the_picture_is_that_of_the_dev_stack() -> None:
    readme = README.read_text()
    assert placed(readme, draw(built(stack("dev")))) == readme, "run `make picture` and commit README.md"
