"""Network namespaces on one bridge, sockets inside them, and the capture. Needs root, iproute2,
ethtool and dumpcap.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
ON_THE_BRIDGE = "198.0.0.0/8"
"""Where all hosts of a run with a gateway are; anything else does not exist."""
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Network:
    """Namespaces by name, each with one interface `eth0` on a common bridge, cut off from
    everything else. A context manager: they are gone after it.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.names: list[str] = []
        self.links = 0

    def __enter__(self) -> Network:
        self._add("bridge")
        self._in("bridge", "ip", "link", "add", "br0", "type", "bridge")
        self._in("bridge", "ip", "link", "set", "br0", "up")
        return self

    def __exit__(self, *error: object) -> None:
        for name in reversed(self.names):
            run("ip", "netns", "del", self.full(name))

    def full(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def command(self, name: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.full(name), *command]

    def _in(self, name: str, *command: str) -> None:
        run(*self.command(name, *command))

    def _add(self, name: str) -> None:
        run("ip", "netns", "add", self.full(name))
        self.names.append(name)
        self._in(name, "ip", "link", "set", "lo", "up")

    def host(self, name: str, addresses: Sequence[str], mtu: int = 1500, gateway: str = "") -> None:
        """A namespace with these addresses, IPv4 first. Packets to anywhere else go to the bridge,
        or to a gateway. Offloading is off, so that what is captured are segments as on a real line.
        """
        self._add(name)
        there = self._link(name, "eth0", "bridge", mtu)
        self._in("bridge", "ip", "link", "set", there, "master", "br0")
        for address in addresses:
            self.add_address(name, address)
        if gateway:
            self._in(name, "ip", "route", "add", ON_THE_BRIDGE, "dev", "eth0")
            self._in(name, "ip", "route", "add", gateway, "dev", "eth0")
        via = ("via", gateway, "onlink") if gateway else ()
        self._in(name, "ip", "route", "add", "default", *via, "dev", "eth0", "src", addresses[0])
        if ":" in addresses[-1]:
            self._in(name, "ip", "-6", "route", "add", "default", "dev", "eth0")

    def _link(self, name: str, interface: str, other: str, mtu: int) -> str:
        """A cable from an interface of one namespace to another, where it has the name that is
        returned.
        """
        self.links += 1
        here, there = f"{self.prefix}{self.links}a", f"{self.prefix}{self.links}b"
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there)
        run("ip", "link", "set", here, "netns", self.full(name))
        run("ip", "link", "set", there, "netns", self.full(other))
        self._in(name, "ip", "link", "set", here, "name", interface, "mtu", str(mtu), "up")
        self._in(other, "ip", "link", "set", there, "up")
        for where, which in ((name, interface), (other, there)):
            self._in(where, "ethtool", "-K", which, "tso", "off", "gso", "off", "gro", "off")
        return there

    def add_address(self, name: str, address: str) -> None:
        length = (f"{address}/128", "nodad") if ":" in address else (f"{address}/32",)
        self._in(name, "ip", "address", "add", *length, "dev", "eth0")

    def router(self, name: str, addresses: Sequence[str], mtu: int = 1500) -> None:
        """A host that hides others behind its addresses, drawn for each connection if there are
        several.
        """
        self.host(name, addresses, mtu)
        self._in(name, "sysctl", "-q", "net.ipv4.ip_forward=1")
        source = addresses[0] if len(addresses) == 1 else f"{addresses[0]}-{addresses[-1]}"
        self._nat(name, "POSTROUTING", "-o", "eth0", "-j", "SNAT", "--to-source", source)

    def _nat(self, name: str, chain: str, *rule: str) -> None:
        self._in(name, "iptables", "-t", "nat", "-A", chain, *rule)

    def inner_host(
        self, name: str, router: str, address: str, gateway: str, mtu: int = 1500
    ) -> None:
        """A host behind a router, which has the address `gateway` on that side."""
        self._add(name)
        there = self._link(name, "eth0", router, mtu)
        self.add_address(name, address)
        self._in(router, "ip", "address", "add", f"{gateway}/32", "dev", there)
        self._in(router, "ip", "route", "add", f"{address}/32", "dev", there)
        self._in(name, "ip", "route", "add", gateway, "dev", "eth0")
        self._in(name, "ip", "route", "add", "default", "via", gateway, "dev", "eth0")

    def forward(self, router: str, port: int, inner: str, hide_source: bool = False) -> None:
        """Connections to a port of a router go to an inner host; with `hide_source` they come from
        the router's inner address, as with a port forwarder of containers.
        """
        tcp = ("-p", "tcp", "--dport", str(port))
        self._nat(router, "PREROUTING", "-i", "eth0", *tcp, "-j", "DNAT", "--to-destination", inner)
        if hide_source:
            self._nat(router, "POSTROUTING", "!", "-o", "eth0", *tcp, "-j", "MASQUERADE")

    def move(self, name: str, old: str, new: str) -> None:
        """A host has another address from now on; what is open at the old one breaks, unheard."""
        self.add_address(name, new)
        self._in(name, "ip", "route", "replace", "default", "dev", "eth0", "src", new)
        self._in(name, "ip", "address", "del", f"{old}/32", "dev", "eth0")

    def drop(self, name: str, address: str, port: int) -> None:
        """Packets to this port are dropped, as by a firewall."""
        self._in(
            name,
            "iptables",
            "-A",
            "INPUT",
            "-p",
            "tcp",
            "-d",
            address,
            "--dport",
            str(port),
            "-j",
            "DROP",
        )

    def lose(self, name: str, share: float) -> None:
        """A share of the packets that reach this host, or leave it, is lost; what reaches it has
        been captured there before.
        """
        chance = ("-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")
        for chain, way in (("INPUT", "-i"), ("OUTPUT", "-o")):
            for tables in ("iptables", "ip6tables"):
                self._in(name, tables, "-A", chain, "!", way, "lo", *chance)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Sockets made by this thread within are of the namespace, and stay so."""
        with (
            open("/proc/thread-self/ns/net") as home,
            open(f"/run/netns/{self.full(name)}") as there,
        ):
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def socket(self, name: str) -> socket.socket:
        with self.inside(name):
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Capture:
    """dumpcap at a host, into a ring of files of some minutes each, named as dumpcap names them."""

    def __init__(
        self, network: Network, name: str, folder: Path, capture_filter: str, seconds: int
    ) -> None:
        command = network.command(
            name,
            "dumpcap",
            "-q",
            "-i",
            "eth0",
            "-f",
            capture_filter,
            "-b",
            f"duration:{seconds}",
            "-w",
            str(folder / "vantage.pcapng"),
        )
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("File:"):
                break

    def stop(self) -> str:
        """What dumpcap says it captured."""
        self.process.send_signal(signal.SIGINT)
        _, summary = self.process.communicate(timeout=30)
        return str(summary)
