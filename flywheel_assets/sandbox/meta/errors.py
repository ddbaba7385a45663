"""Refusals as the Graph API words them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GraphError(Exception):
    """One error object of the Graph API.

    Attributes:
        code, subcode: Meta's numbers.
        status: HTTP status; Meta answers most refusals with 400.
        data: further facts, e.g. the offsets at which an upload goes on.
        regain: minutes to wait that the usage headers tell, instead of those the account's score gives.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 100,
        subcode: int | None = None,
        status: int = 400,
        transient: bool = False,
        data: Mapping[str, Any] | None = None,
        regain: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.subcode = message, code, subcode
        self.status, self.transient, self.data, self.regain = status, transient, data, regain

    def body(self, trace: str) -> dict[str, Any]:
        """The JSON of the answer; ``trace`` is what a person quotes to find the call in the journal."""
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {self.message}",
            "type": "OAuthException",
            "code": self.code,
            "is_transient": self.transient,
            "fbtrace_id": trace,
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.data is not None:
            error["error_data"] = dict(self.data)
        return {"error": error}


def missing(object_id: str) -> GraphError:
    """The object does not exist, or not for this token: Meta does not tell which."""
    return GraphError(
        f"Object with ID '{object_id}' does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation",
        subcode=33,
    )


def unsupported(what: str) -> GraphError:
    """A feature of the real API that the twin does not have; pretending would be worse."""
    return GraphError(f"The sandbox does not carry out {what}")
