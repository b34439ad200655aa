"""The demo: invented hospitals, accounts and patients to try everything out with."""
