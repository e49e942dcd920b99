"""Self-contained HTML pages with plots, for reports that are looked at offline. Pure."""
