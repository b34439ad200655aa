"""Reads of appointments for rules, lists and screens."""
