"""Drive the real clients of `tuner serve` on this machine, and write down what they sent and what came back."""
