"""Clients of remote systems behind the domains' ports."""
