"""What is sent to those who asked for it: feeds, subscriptions, the weekly digest."""
