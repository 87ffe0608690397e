"""What the article claims, seen on a running fleet."""
