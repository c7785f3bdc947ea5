"""Functions of the mined repository whose bodies are written anew and checked by its own tests, in the sandbox."""
