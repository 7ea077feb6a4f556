"""What chapter 12 alone uses."""
