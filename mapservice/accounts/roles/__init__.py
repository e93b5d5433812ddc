"""Who may moderate and coordinate which territories."""
