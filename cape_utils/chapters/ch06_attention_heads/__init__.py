"""What chapter 06 alone uses."""
