"""The replay room: the base's own answers to general requests, to be mixed into training."""
