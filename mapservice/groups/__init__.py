"""Groups: people who do something together, who belongs to them, and who organises them."""
