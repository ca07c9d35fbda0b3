"""The errors a user can cause, each with the exit code the command line gives it."""


class NmcfastError(Exception):
    """A problem the user can act on: one line that names file, field, value and remedy."""

    exit_code = 1


class InputError(NmcfastError, ValueError):
    """A file or a parameter is not what it should be."""

    exit_code = 2


class FormatVersionError(InputError):
    """A sound library of another version of the format."""


class MissingExtraError(NmcfastError, ImportError):
    """An optional package is not installed."""

    exit_code = 2


class DamageError(NmcfastError):
    """A stored library does not hold what its records say."""

    exit_code = 3


class NoSpaceError(NmcfastError, OSError):
    """The disk is full; what was finished is intact and the run can be continued."""

    exit_code = 4
