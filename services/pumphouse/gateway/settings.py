"""What the gateway is told at start."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """PUMPHOUSE_<FIELD> in the environment.

    port: 0 takes a free one. public_url: how clients reach this gateway, when that differs from
    the address of their requests. storage_dir: the folder that executors read code from.
    hold_s: longest wait for the outputs in the call that triggers them; result_hold_s: in each
    call that follows a redirect; definition_hold_s: for a status of a pipeline or deployment.
    reply_patience_s: age at which the registry is asked about an execution as well as the bus.
    stop_s: how long answers may take to leave once the gateway stops.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    secret_key: str
    storage_dir: str
    hold_s: float = 25.0
    result_hold_s: float = 45.0
    definition_hold_s: float = 8.0
    reply_patience_s: float = 10.0
    stop_s: int = 10
