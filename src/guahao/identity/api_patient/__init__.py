"""Routes of patients about accounts, logins and the people they book for."""
