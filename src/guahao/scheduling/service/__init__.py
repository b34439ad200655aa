"""Use cases of scheduling that write."""
