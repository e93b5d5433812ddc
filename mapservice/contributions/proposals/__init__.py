"""What people propose: the form, what becomes of it, its versions, and ideas that are alike."""
