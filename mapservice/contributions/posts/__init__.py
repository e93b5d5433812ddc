"""What is said about an initiative once it is there: news, thanks, closing words, comments."""
