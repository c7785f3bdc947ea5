"""Turn a team's git repository into a local code model, and prove whether it helps."""

__version__ = "0.4.0"
