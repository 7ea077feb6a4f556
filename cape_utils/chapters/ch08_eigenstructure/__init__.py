"""What chapter 08 alone uses."""
