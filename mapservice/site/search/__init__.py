"""What people type into the search box: places of every level, themes and initiatives."""
