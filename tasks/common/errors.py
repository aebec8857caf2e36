"""The errors of the processor. The class decides the policy: retry, skip, or fail at once."""

from __future__ import annotations


class L2AError(Exception):
    """Base class. The message is one line that names the file, the element and what was expected."""


class InvalidInput(L2AError):
    """A broken or unsupported product. Never retried: the same bytes give the same answer."""


class InvalidConfiguration(L2AError):
    """A GIPP, setting or option that cannot be used. Never retried."""


class NotProcessable(L2AError):
    """A sound product that is expected to yield nothing (all no-data, sun too low). The tile ends as *Skipped*."""


class AuxiliaryUnavailable(L2AError):
    """An auxiliary source did not answer. Retried with back-off, then replaced by the documented fall-back."""


class TransientIO(L2AError):
    """Reading or writing failed in a way that may pass (disk, network share). Retried."""


class InternalInconsistency(L2AError):
    """Two parts of the program disagree. Never retried, and loud."""


RETRIABLE: tuple[type[Exception], ...] = (AuxiliaryUnavailable, TransientIO)
"""The only errors for which trying again can help."""
