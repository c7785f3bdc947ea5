"""GitHub Copilot as a system: its own language server is started and asked as an editor asks it."""
