"""The schema of the scheduler, in the order it grew."""
