"""Split mined pairs and later additions into training rows, validation rows and frozen evaluation items."""
