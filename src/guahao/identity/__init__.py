"""Who people are: accounts, logins, patients, staff, consent."""
