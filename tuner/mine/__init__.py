"""Turn a git repository into training pairs and evaluation additions; `stage.run` is the way in."""
