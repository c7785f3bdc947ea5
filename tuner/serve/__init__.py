"""Serve an exported model to editors on this machine, with the llama.cpp engine."""
