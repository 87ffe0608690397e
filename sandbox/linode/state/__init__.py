"""What the emulator remembers: the account's resources, in a SQLite file that survives restarts."""

from sandbox.linode.state.store import Store, Transaction

__all__ = ["Store", "Transaction"]
