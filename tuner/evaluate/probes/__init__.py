"""Probes: what a model does beside the evaluation items."""
