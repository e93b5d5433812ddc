"""Subscriptions to a listing or an area, and the daily digest that reports their news."""
