"""What does I/O, as coroutines. The package `sync` is generated from this one."""
