"""Sources that live: registered with their terms, swept by night, never trusted blindly."""
