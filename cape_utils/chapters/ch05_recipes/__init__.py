"""What chapter 05 alone uses."""
