"""What people give: proposals, posts, supports with their assessment, reports, messages."""
