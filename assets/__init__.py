"""Assay's Dagster assets, a module per stage. Only here is Dagster imported."""
