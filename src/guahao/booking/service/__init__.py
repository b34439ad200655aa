"""Use cases of booking that write."""
