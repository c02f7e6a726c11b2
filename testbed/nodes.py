"""monerods and a wallet on a chain of their own (--regtest, which has the network id and port of
mainnet).
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from testbed.network import Network

TEMPLATE_BLOCKS = 140
"""Blocks of the chain that all begin with: coins are spendable after 60, and a ring needs 16
outputs.
"""


@dataclass(frozen=True)
class Program:
    """Where the programs of one version are: on PATH, or in a tree that holds a whole system (of
    debootstrap, say).
    """

    root: Path | None = None

    def command(self, name: str) -> list[str]:
        if self.root is None:
            return [name]
        libraries = ":".join(
            str(self.root / place) for place in ("usr/lib/x86_64-linux-gnu", "usr/lib")
        )
        return [
            str(self.root / "usr/lib64/ld-linux-x86-64.so.2"),
            "--library-path",
            libraries,
            str(self.root / "usr/bin" / name),
        ]

    @cached_property
    def version(self) -> str:
        output = subprocess.run(
            [*self.command("monerod"), "--version"], capture_output=True, text=True, check=True
        ).stdout
        return output.split("(v")[-1].split("-")[0].rstrip(")\n")


def newest(programs: Iterable[Program]) -> Program:
    return max(programs, key=lambda program: [int(part) for part in program.version.split(".")])


class _Connection(http.client.HTTPConnection):
    """HTTP to a host's loopback."""

    def __init__(self, network: Network, name: str, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=120)
        self.network, self.name = network, name

    def connect(self) -> None:
        self.sock: socket.socket = self.network.socket(self.name)
        self.sock.settimeout(120)
        self.sock.connect(("127.0.0.1", self.port))


class Daemon:
    """A monerod or monero-wallet-rpc in a namespace, controlled by JSON-RPC."""

    def __init__(
        self, network: Network, name: str, command: Sequence[str], rpc_port: int, log: Path
    ) -> None:
        self.network, self.name, self.rpc_port = network, name, rpc_port
        self.log = log.open("ab")
        self.process = subprocess.Popen(
            network.command(name, *command),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def post(self, path: str, **fields: Any) -> Any:
        """The answer of a function that has a path of its own."""
        connection = _Connection(self.network, self.name, self.rpc_port)
        try:
            connection.request("POST", path, json.dumps(fields))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def rpc(self, method: str, **parameters: Any) -> Any:
        answer = self.post("/json_rpc", jsonrpc="2.0", id="0", method=method, params=parameters)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait(self, method: str, seconds: float = 60) -> Any:
        """The answer to the first call that is answered."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self.rpc(method)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.2)

    def stop(self, crash: bool = False) -> None:
        (self.process.kill if crash else self.process.terminate)()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@dataclass
class Node:
    """A monerod of the network: where it is and how it is started. It can be stopped and started
    again.
    """

    name: str
    address: str
    program: Program
    port: int = 18080
    rpc_port: int = 18081
    arguments: list[str] = field(default_factory=list)
    address6: str = ""
    """Its IPv6 address, if it has one."""
    host: str = ""
    """The namespace, if it is not `name`: nodes behind one address share it."""
    bind: str = ""
    """The address that it listens at, if it is not `address`."""
    later: list[str] = field(default_factory=list)
    """Addresses that it has in the course of a run."""
    labels: tuple[str, ...] = ("monerod",)
    exclusive: bool = True
    """Whether it connects to none but the nodes that it is given."""
    waits: bool = False
    """Whether it does not know the vantage node, but is dialled by it."""
    niceness: int = 0
    """By how much it is nicer than the testbed itself."""
    log_level: str = "0,net:DEBUG,net.p2p:DEBUG,net.p2p.traffic:INFO"
    daemon: Daemon | None = None

    @property
    def addresses(self) -> list[str]:
        return [self.address, *([self.address6] if self.address6 else []), *self.later]

    def start(self, network: Network, data: Path) -> None:
        command = [
            *("nice", "-n", str(self.niceness)),
            *(
                *self.program.command("monerod"),
                "--regtest",
                "--keep-fakechain",
                "--fixed-difficulty",
                "1",
                "--non-interactive",
                "--no-igd",
                "--no-zmq",
            ),
            *(
                "--data-dir",
                str(data / self.name),
                "--p2p-bind-ip",
                self.bind or self.address,
                "--p2p-bind-port",
                str(self.port),
            ),
            *(
                (
                    "--p2p-use-ipv6",
                    "--p2p-bind-ipv6-address",
                    self.address6,
                    "--p2p-bind-port-ipv6",
                    str(self.port),
                )
                if self.address6
                else ()
            ),
            *(
                "--rpc-bind-port",
                str(self.rpc_port),
                "--disable-dns-checkpoints",
                "--check-updates",
                "disabled",
                "--max-log-file-size",
                "0",
            ),
            *(
                "--log-level",
                self.log_level,
                "--log-file",
                str(data / f"{self.name}.log"),
                *self.arguments,
            ),
        ]
        self.daemon = Daemon(
            network, self.host or self.name, command, self.rpc_port, data / f"{self.name}.out"
        )

    def rpc(self, method: str, **parameters: Any) -> Any:
        assert self.daemon is not None
        return self.daemon.rpc(method, **parameters)

    def post(self, path: str, **fields: Any) -> Any:
        assert self.daemon is not None
        return self.daemon.post(path, **fields)

    def wait(self, seconds: float = 60) -> Any:
        """What get_info answers once it answers."""
        assert self.daemon is not None
        return self.daemon.wait("get_info", seconds)

    def stop(self, crash: bool = False) -> None:
        if self.daemon is not None:
            self.daemon.stop(crash)
            self.daemon = None


WALLET_PORT = 18090


def wallet(
    network: Network, name: str, program: Program, data: Path, rpc_port: int = 18081
) -> Daemon:
    """A wallet at a node's host, its file in `data`; made there if it is not."""
    folder = data / "wallet"
    folder.mkdir(exist_ok=True)
    command = [
        *(
            *program.command("monero-wallet-rpc"),
            "--wallet-dir",
            str(folder),
            "--rpc-bind-port",
            str(WALLET_PORT),
            "--disable-rpc-login",
        ),
        *(
            "--daemon-port",
            str(rpc_port),
            "--trusted-daemon",
            "--log-file",
            str(data / "wallet.log"),
        ),
    ]
    output = subprocess.run(
        [*program.command("monero-wallet-rpc"), "--help"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    # not in 0.18.0
    command += [option for option in ("--allow-mismatched-daemon-version",) if option in output]
    daemon = Daemon(network, name, command, WALLET_PORT, data / "wallet.out")
    daemon.wait("get_version")
    if (folder / "purse").exists():
        daemon.rpc("open_wallet", filename="purse")
    else:
        daemon.rpc("create_wallet", filename="purse", language="English")
    return daemon


def make_template(folder: Path, program: Program) -> None:
    """A chain of some blocks whose coins a wallet owns, as a data directory `chain` and `wallet` in
    `folder`. Made once, copied for every node.
    """
    folder.mkdir(parents=True)
    with removed_on_failure(folder), offline_chain(folder, program, "tbt") as (node, purse):
        address = purse.rpc("get_address")["address"]
        for _ in range(TEMPLATE_BLOCKS // 20):
            node.rpc("generateblocks", amount_of_blocks=20, wallet_address=address)
        purse.rpc("refresh")


@contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Removes the folder if what fills it fails."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder)
        raise


@contextmanager
def offline_chain(folder: Path, program: Program, name: str) -> Iterator[tuple[Node, Daemon]]:
    """A node without peers on the chain in `folder`, and its wallet, which is stored at the end.
    `name` is that of the network.
    """
    with Network(name) as network:
        network.host("node", ["192.0.2.1"])
        node = Node("chain", "192.0.2.1", program, arguments=["--offline"], host="node")
        node.start(network, folder)
        node.wait()
        purse = wallet(network, "node", program, folder)
        yield node, purse
        purse.rpc("store")
        purse.stop()
        node.stop()
