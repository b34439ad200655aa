"""Orders and what was paid for them; knows "order", not "appointment"."""
