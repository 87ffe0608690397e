"""Claims about the review of a change, on steps by hand and on recordings of the real engine."""
