"""What chapter 01 alone uses."""
