"""Following what happens: feeds for readers and calendars."""
