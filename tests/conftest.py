"""What every test starts from."""

import signal


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where they run in the background of a shell.

    Such a shell has its children ignore SIGINT, which each of theirs inherits; a handler is not inherited.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
