"""A visitor and an author write to each other, and neither is shown the other's address."""
