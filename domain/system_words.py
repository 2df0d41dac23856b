"""What the operating system says of a failure, in every language: it speaks English alone."""

import errno
from collections.abc import Mapping
from types import MappingProxyType

from domain.words import Text

_WORDS: Mapping[int, str] = MappingProxyType(
    {
        errno.EACCES: "权限不足",
        errno.EADDRINUSE: "地址已被占用",
        errno.EADDRNOTAVAIL: "地址不可用",
        errno.EBUSY: "资源正忙",
        errno.ECONNABORTED: "连接被中止",
        errno.ECONNREFUSED: "连接被拒绝",
        errno.ECONNRESET: "连接被对方重置",
        errno.EDQUOT: "超出磁盘配额",
        errno.EEXIST: "文件已存在",
        errno.EFBIG: "文件过大",
        errno.EHOSTUNREACH: "没有到达主机的路由",
        errno.EINVAL: "参数无效",
        errno.EIO: "读写错误",
        errno.EISDIR: "这是一个文件夹",
        errno.ELOOP: "符号链接层数过多",
        errno.EMFILE: "打开的文件过多",
        errno.ENETUNREACH: "网络不可达",
        errno.ENOENT: "文件或文件夹不存在",
        errno.ENOLCK: "没有可用的锁",
        errno.ENOSPC: "磁盘空间不足",
        errno.ENOSYS: "系统不支持此操作",
        errno.ENOTDIR: "这不是文件夹",
        errno.EOPNOTSUPP: "不支持此操作",
        errno.EPERM: "不允许此操作",
        errno.EPIPE: "管道已断开",
        errno.EROFS: "文件系统为只读",
        errno.ESTALE: "文件句柄已失效",
        errno.ETIMEDOUT: "连接超时",
    }
)


def system_words(error: OSError) -> Text:
    """The reason of an OSError, as the end of a sentence, without a stop."""
    en = (error.strerror or str(error)).rstrip(".")
    known = None if error.errno is None else _WORDS.get(error.errno)
    return Text(en, known or en)
