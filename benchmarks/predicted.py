"""What the two competitors in prediction write: 50 characters after the first 14 of the text."""

NUM_CHARACTERS = 50
PREFIX_LENGTH = len("time traveller")
