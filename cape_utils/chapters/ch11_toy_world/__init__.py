"""What chapter 11 alone uses."""
