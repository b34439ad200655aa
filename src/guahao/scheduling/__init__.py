"""When doctors see patients: sessions, their slots, and every place in them."""
