"""The systems of benchmarks/ingest.py. Each step of a system is a process of its own: `python -m ingest_systems.NAME`."""
