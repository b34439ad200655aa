"""Stand-ins for remote systems, for trying the product out; never in production."""
