"""What is known of earlier runs, folded at O(1) an event into bounded tables, and the features read from it."""
