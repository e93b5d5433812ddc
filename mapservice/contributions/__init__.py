"""What people give: proposals, supports with their assessment, reports of problems."""
