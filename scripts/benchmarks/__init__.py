"""What `scripts/bench` runs: one module per work and per peer.

Every work measures the same things at once: our doors through gunicorn, the peers' over the same
tables, and the SQL without any of them. Ratios within one run mean something; absolute numbers
are those of one machine on one day.
"""
