"""The command line, a file for each group of commands, and the supervision of a whole service."""
