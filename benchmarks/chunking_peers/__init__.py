"""The peers of benchmarks/chunking.py; they run in the environment that peers.txt describes."""
