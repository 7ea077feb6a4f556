"""What chapter 07 alone uses."""
