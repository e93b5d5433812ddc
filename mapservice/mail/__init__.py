"""Mail that leaves: written in the transaction of what it tells of, sent by the worker."""
