"""Use cases of identity that write."""
