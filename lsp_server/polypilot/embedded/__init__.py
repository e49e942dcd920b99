"""The model that runs on the user's own machine.

``catalog`` knows the models, ``store`` fetches and checks their files, ``runtime`` joins or
starts the process that serves one, and ``worker`` is that process.
"""
