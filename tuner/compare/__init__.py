"""Set two systems against each other: differences with intervals, and a verdict by written rules."""
