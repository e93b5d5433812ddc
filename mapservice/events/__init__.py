"""Events: occurrences with their series, registration, calendars, and their pages."""
