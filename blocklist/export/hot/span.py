"""The span of a hot zone: the releases that a base zone may be of, and the release to lead to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HotSpan:
    """The releases between which a hot zone leads."""

    #: The release of the base zone that was recorded last.
    base: int
    #: The current release.
    release: int
    #: Whether a process may be installing a base zone of a release in between.
    may_be_replaced: bool = False
    #: Whether only names that entries changed are led to the current release. What else changed
    #: comes with the next base zone.
    only_decided: bool = False
