"""Which emulated peers are in which scenario; monerods are in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from testbed import cast, roles
from testbed.cast import Casting, Part


def _all(*groups: Callable[[Casting], Iterator[Part]]) -> Callable[[Casting], Iterator[Part]]:
    return lambda casting: (part for group in groups for part in group(casting))


SCENARIOS: Mapping[str, Callable[[Casting], Iterator[Part]]] = {
    "honest": _all(),
    "spies": _all(
        cast.controls,
        cast.structure,
        cast.fragmentation,
        cast.peer_lists,
        cast.identity,
        cast.connections,
        cast.relay,
    ),
    "proxies": _all(cast.controls, cast.circumstances, cast.backends, cast.proxies),
    "population": _all(cast.controls, roles.bystanders, roles.spies_of_both_roles),
    "forwarder": _all(roles.bystanders),
    "vantages": _all(),
}
