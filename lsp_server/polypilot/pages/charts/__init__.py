"""Plots as inline SVG, from plain values; each with its data as a table."""
