"""A second factor: codes of an authenticator, besides the mailed link."""
