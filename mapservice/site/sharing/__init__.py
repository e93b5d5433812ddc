"""What a page is passed on by: its address, its words, a QR code."""
