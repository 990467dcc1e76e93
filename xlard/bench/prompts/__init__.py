"""How well prompts are read, by the files of benchmarks that say what their prompts ask for."""
