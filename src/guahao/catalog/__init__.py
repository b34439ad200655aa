"""Hospitals, campuses, departments, doctors, fees, rule sets and the search over them."""
