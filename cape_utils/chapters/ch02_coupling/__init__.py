"""What chapter 02 alone uses."""
