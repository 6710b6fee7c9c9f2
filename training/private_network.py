"""A network of a process's own: its loopback, and nothing else."""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41


def enter_private_network():
    """Moves this process, and those that it starts, into a new network.

    TensorFlow's servers listen on every interface and ask nobody who they are.
    In a network namespace there is one interface, the loopback, and no other
    process; so neither can anything outside reach the servers, nor they
    anything outside. It needs Linux and either root or user namespaces. Call
    it before there are threads.

    Returns:
        Whether the process is in a network of its own now; where that is not
        allowed nothing has changed.

    Raises:
        OSError: if the new network has no loopback.
    """
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    user, group = os.getuid(), os.getgid()
    if unshare is None:
        return False
    if unshare(_NEW_NETWORK):
        if unshare(_NEW_USER | _NEW_NETWORK):
            return False
        # The same user inside as outside: files keep their owner.
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            pathlib.Path(f"/proc/self/{name}").write_text(text)
    with socket.socket() as any_socket:
        request = struct.pack("16sH14s", b"lo", _UP_AND_RUNNING, b"")
        fcntl.ioctl(any_socket, _SET_FLAGS, request)
    return True
