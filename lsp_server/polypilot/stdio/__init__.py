"""What every face on standard input and output needs, whatever it says there."""
