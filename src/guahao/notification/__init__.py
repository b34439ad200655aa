"""Messages that people are owed; planned here, delivered by channels."""
