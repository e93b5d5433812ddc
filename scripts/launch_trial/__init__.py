"""`scripts/launch-trial`: a national launch on one machine, through nginx, and what it costs."""
