"""Places that the geocoder left open, and what people decide about them."""
