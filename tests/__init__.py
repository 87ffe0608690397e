"""Claims about Fleet's behaviour."""
