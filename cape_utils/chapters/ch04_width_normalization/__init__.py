"""What chapter 04 alone uses."""
