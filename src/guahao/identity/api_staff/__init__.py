"""Routes of staff about logins, users and consents."""
