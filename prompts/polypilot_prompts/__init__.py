"""Polypilot."""
