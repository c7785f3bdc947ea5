"""Turn a trained adapter into files that inference engines load, and prove that they are still the evaluated model."""
