"""What the emulator remembers: the account's resources, in a SQLite file that survives restarts."""

from sandbox.linode.state.store import StateError, Store, Transaction

__all__ = ["StateError", "Store", "Transaction"]
