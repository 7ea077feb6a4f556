"""What chapter 09 alone uses."""
