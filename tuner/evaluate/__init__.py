"""Let systems answer the frozen items, and score what they say."""
