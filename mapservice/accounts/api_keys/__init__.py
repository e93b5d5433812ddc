"""Keys for tools: what a person lets a program do in their name, and for how long."""
