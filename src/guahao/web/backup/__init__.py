"""Backup and restore: one encrypted file that holds the database and the keys."""
