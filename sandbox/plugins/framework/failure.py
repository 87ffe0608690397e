"""The error that all others of a provider are of, below the values that raise it."""


class ProviderError(Exception):
    """An operation failed and changed nothing that the engine has to record.

    The message is all that the user sees: what was tried, why it failed and what to do about it.
    """
