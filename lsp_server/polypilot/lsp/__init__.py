"""The language server: a face of the program toward editors."""
