"""What chapter 10 alone uses."""
