"""Tables of identity, by subject."""
