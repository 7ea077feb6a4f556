"""What chapter 03 alone uses."""
