"""What a request is refused with: `RefusalError`. Each dialect writes it in its own way."""

from __future__ import annotations

from tokkit.errors import TokkitError


class RefusalError(TokkitError):
    """A request that is not done.

    Attributes:
        status: of HTTP.
        message: what was got, what was expected, what to do.
        param: the field of the request that it is about, where it is about one.
        code: a word for programs.
        retry_after: seconds after which to try again, where that may help.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after


def unsupported(name: str, why: str) -> RefusalError:
    """The refusal of a field whose value would change the answer, and is not heeded here."""
    return RefusalError(
        400, f"{name} is not supported: {why}", param=name, code="unsupported_parameter"
    )
