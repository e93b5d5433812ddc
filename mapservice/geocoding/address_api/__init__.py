"""The national address API's endpoints, for communes."""
