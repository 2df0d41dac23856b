"""Why a port cannot be listened on, and who has it, as far as this user may know."""

import errno

from domain.errors import ListenError
from domain.system_words import system_words
from domain.words import Text

_UNSEEN = Text("another user's process", "其他用户的进程")


def holder_of(port: int) -> Text:
    """The process by its name and pid; where the system does not tell, whose it must be."""
    import psutil  # noqa: PLC0415 - only when something went wrong

    try:
        found = [
            each.pid
            for each in psutil.net_connections(kind="inet")
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
        ]
        held = [(psutil.Process(pid).name(), pid) for pid in sorted({pid for pid in found if pid})]
    except (psutil.Error, OSError):
        # Some systems tell root alone; or it has just ended.
        return _UNSEEN
    if not held:
        return _UNSEEN
    return Text(
        " and ".join(f"{name} (pid {pid})" for name, pid in held),
        "和".join(f" {name}（进程号 {pid}）" for name, pid in held).strip(),
    )


def port_taken(host: str, port: int, choose: Text) -> ListenError:
    """The error for a port that somebody has; `choose` is how to choose another one."""
    holder = holder_of(port)
    return ListenError(
        Text(
            f"Port {port} on {host} is already in use, by {holder.en}. Stop that program, or choose another port "
            f"{choose.en}.",
            f"{host} 的端口 {port} 已被占用，占用者：{holder.zh}。请停止该程序，或{choose.zh}选择其他端口。",
        )
    )


def not_listening(host: str, port: int, error: OSError) -> ListenError:
    """The error for an address that the server cannot listen on."""
    if error.errno == errno.EADDRINUSE:
        return port_taken(host, port, Text("with --port or OCA_PORT", "用 --port 或 OCA_PORT "))
    if error.errno is None or error.errno == errno.EADDRNOTAVAIL:
        return no_address_of_ours(host)
    why = system_words(error)
    return ListenError(
        Text(
            f"Cannot listen on {host} port {port}: {why.en.lower()}. Choose another port with --port or OCA_PORT.",
            f"无法监听 {host} 的端口 {port}：{why.zh}。请用 --port 或 OCA_PORT 选择其他端口。",
        )
    )


def no_address_of_ours(host: str) -> ListenError:
    return ListenError(
        Text(
            f"OCA_HOST {host} is not an address of this machine. Set it to 127.0.0.1, to 0.0.0.0 (with OCA_API_KEYS), "
            "or to an address that this machine has.",
            f"OCA_HOST {host} 不是本机的地址。请设为 127.0.0.1、0.0.0.0（须设置 OCA_API_KEYS）或本机的其他地址。",
        )
    )
