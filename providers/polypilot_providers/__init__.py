"""Model suppliers behind one interface: wires, catalog, HTTP, routing."""
