"""What people subscribe to: feeds, daily digests of a subscription, the weekly digest."""
