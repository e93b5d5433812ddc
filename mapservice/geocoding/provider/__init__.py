"""An outside address API for points on streets."""
