"""What a run is made of."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`processes` run `threads` threads and `tasks` asyncio tasks each; `servers` are `oca serve --workers 2`, each
    with a process of callers as large; `commands` run `oca token` again and again.

    `fault_rate` and `late_rate` (0 to 1) are how often the token endpoint fails before it rotates, or answers 3 s late;
    `delay` is what every answer takes. `kill_every` is the mean time between two `kill -9`; zero: none.
    `store` is the value of OAUTH_TOKEN_STORE.
    """

    duration: timedelta = timedelta(seconds=60)
    processes: int = 8
    threads: int = 8
    tasks: int = 8
    servers: int = 1
    commands: int = 1
    pause: timedelta = timedelta(milliseconds=50)
    lifetime: timedelta = timedelta(seconds=2)
    delay: timedelta = timedelta(0)
    fault_rate: float = 0.0
    late_rate: float = 0.0
    grace: timedelta = timedelta(0)
    kill_every: timedelta = timedelta(0)
    disk_full: bool = False
    read_only: bool = False
    seed: int = 0
    store: str = "dotenv"
