"""The append-only trail of who did what, chained per hospital."""
