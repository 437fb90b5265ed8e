"""Every message of the platform: the only thing that all services agree on."""
