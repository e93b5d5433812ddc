"""Requests to other people's servers: public hosts alone, at the address that was checked."""
