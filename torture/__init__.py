"""The fault harness: people book while servers and databases are killed, then every row is accounted for."""
