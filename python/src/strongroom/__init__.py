"""The catalog of an encrypted backup server."""

from strongroom import _strongroom as _strongroom
from strongroom.errors import *  # noqa: F403
from strongroom.errors import __all__ as __all__
