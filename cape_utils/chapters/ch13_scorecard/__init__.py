"""What chapter 13 alone uses."""
