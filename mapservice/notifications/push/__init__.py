"""Web push: news of what is followed, on a device instead of by mail."""
