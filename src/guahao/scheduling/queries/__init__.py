"""Reads for lists, screens and other domains."""
