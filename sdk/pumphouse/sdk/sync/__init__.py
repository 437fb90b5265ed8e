"""What does I/O, as plain calls. Generated from the package `aio`, but for `concurrency`."""
