"""Whether supports are what they seem: their networks, pace and places, and what people decide."""
