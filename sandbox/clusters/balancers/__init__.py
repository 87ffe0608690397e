"""NodeBalancers as processes: an HAProxy in a network namespace of its own for each."""
