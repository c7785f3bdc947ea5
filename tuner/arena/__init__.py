"""Let engineers judge two systems' answers side by side without knowing which is which."""
