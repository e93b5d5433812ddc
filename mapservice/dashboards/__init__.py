"""What coordinators see of a territory: figures, silence, and how both change in time."""
