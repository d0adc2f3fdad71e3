"""Releases: a configuration is judged by the four-layer gate against what serves, promoted, and rolled back."""
