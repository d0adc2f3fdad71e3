"""Point-in-time joins of Assay and of others, each in its own process: `python -m point_in_time_peers.NAME`."""
