"""Events that come in from elsewhere: calendars read, understood, and kept as series of ours."""
