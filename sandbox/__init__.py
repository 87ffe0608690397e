"""Everything that runs Fleet on one machine, with no cloud account."""
