"""The training room: rows in, a LoRA adapter out."""
