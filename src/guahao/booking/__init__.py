"""Places promised to patients: held, booked, moved, given back."""
