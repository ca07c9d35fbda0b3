"""What an object store answers when it does not do what it was asked: try again, or what is to be said of it."""

from collections.abc import Iterator

from nmcfast.errors import InputError, NmcfastError, NoSpaceError

_AGAIN = (408, 409, 429, 500, 502, 503, 504)  # HTTP status
_AGAIN_CODES = (
    "BadDigest",
    "IncompleteBody",
    "InternalError",
    "RequestTimeout",
    "SlowDown",
    "XAmzContentSHA256Mismatch",
)
_AGAIN_KINDS = (  # of packages that are imported with the store only: connections lost or refused, answers cut off
    *("ConnectionError", "TimeoutError", "HTTPClientError", "ResponseParserError", "IncompleteRead"),
    *("ClientConnectionError", "ClientPayloadError"),
)
_FULL = ("QuotaExceeded", "XMinioStorageFull")
_INSUFFICIENT_STORAGE = 507
_REMEDY = "run the same command again to continue"


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def answer(error: BaseException) -> tuple[int, str]:
    """HTTP status and code of the store's answer that an error tells of; 0 and "" when none came."""
    for cause in _behind(error):
        held = getattr(cause, "response", None)
        if isinstance(held, dict):
            status = held.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return int(status), str(held.get("Error", {}).get("Code", ""))
    return 0, ""


def is_passing(error: BaseException) -> bool:
    """Whether the same request may be answered otherwise a little later."""
    status, code = answer(error)
    if status:
        return status in _AGAIN or code in _AGAIN_CODES
    kinds = {kind.__name__ for cause in _behind(error) for kind in type(cause).__mro__}
    return not kinds.isdisjoint(_AGAIN_KINDS) and "SSLError" not in kinds


def is_taken(error: BaseException) -> bool:
    """Whether an object was not created since there is one of that name."""
    return isinstance(error, FileExistsError) or answer(error)[0] == 412


def said(place: str, error: Exception, tries: int) -> NmcfastError:
    """An error of a store as the one line that a user reads."""
    status, code = answer(error)
    reason = " ".join(f"{code}: {error}".lstrip(": ").split()) or type(error).__name__
    if status == _INSUFFICIENT_STORAGE or code in _FULL:
        return NoSpaceError(f"{place}: no space left in the store ({reason}): free some space and {_REMEDY}")
    if is_passing(error):
        return NmcfastError(f"{place}: the store failed {tries} times ({reason}); what is there is whole: {_REMEDY}")
    if isinstance(error, FileNotFoundError):
        return InputError(f"{place}: no such bucket, or an object that went ({reason})")
    return InputError(f"{place}: the store refused ({reason}): check the URL, the credentials and what they allow")
