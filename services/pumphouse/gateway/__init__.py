"""The HTTP API: checks what strangers send, starts executions, and hands out their results."""
