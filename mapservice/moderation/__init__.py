"""Proposals that wait for a moderator, and what moderators decide about them."""
