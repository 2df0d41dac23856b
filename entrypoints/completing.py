"""What the shell offers for the words of a command when Tab is pressed; no server is asked, and no file read."""


def client_names() -> list[str]:
    from adapters.client_configs.clients import CLIENTS  # noqa: PLC0415 - only when Tab is pressed

    return list(CLIENTS)


def shown_keys() -> list[str]:
    """The keys that `oca config get` knows."""
    from entrypoints.config_values import ALL_KEYS  # noqa: PLC0415 - loads the settings

    return list(ALL_KEYS)


def setting_keys() -> list[str]:
    """The keys that can be written; for `oca config set` too, since the shell puts a blank behind what it completes."""
    from entrypoints.config_values import SETTING_KEYS  # noqa: PLC0415 - loads the settings

    return list(SETTING_KEYS)


def assignments() -> list[str]:
    """The beginnings of `KEY=VALUE`."""
    return [f"{key}=" for key in setting_keys()]
