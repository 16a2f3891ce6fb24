"""What the fake refuses: limits of rate, of size and of shape, each as HubSpot says it."""

from __future__ import annotations

import threading
from collections import deque

from starlette.responses import JSONResponse

LONGEST_URL = 16_000
LONGEST_BODY = 3_000
MOST_RESULTS = 10_000
SEARCH_KEYS = {"filterGroups", "sorts", "limit", "after", "properties", "query"}
FILTER_KEYS = {"propertyName", "operator", "value", "values", "highValue"}
OPERATORS = {"EQ", "GT", "GTE", "LT", "LTE"}


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status, message, *, headers=None, **more):
        super().__init__(message)
        self.status, self.headers = status, headers
        self.body = {"status": "error", "message": message, "correlationId": "c", **more}

    def response(self):
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)


def limited(policy, retry_after=None):
    """Return the answer to one request too many."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    message = f"You have reached your {policy.lower()} limit."
    return RefusedError(429, message, headers=headers, errorType="RATE_LIMIT", policyName=policy)


class Rate:
    """At most so many requests in any window of some seconds; remembers the fullest window."""

    def __init__(self, most, seconds, policy):
        self.most, self.seconds, self.policy = most, seconds, policy
        self.refused = 0
        self._starts = deque()
        self._lock = threading.Lock()

    def admit(self, now):
        with self._lock:
            while self._starts and self._starts[0] <= now - self.seconds:
                self._starts.popleft()
            if self.most is not None and len(self._starts) >= self.most:
                self.refused += 1
                raise limited(self.policy)
            self._starts.append(now)


def check_names(names, types):
    unknown = [name for name in names if name not in types]
    if unknown:
        raise RefusedError(
            400, f"Property {unknown[0]} does not exist", category="VALIDATION_ERROR"
        )


def check_search(raw, body, types):
    """Raise what is wrong with the body of a search."""
    if len(raw) > LONGEST_BODY:
        raise _invalid("The request body is too long")
    _check_keys(body, SEARCH_KEYS)
    groups = body.get("filterGroups", [])
    filters = [one for group in groups for one in group["filters"]]
    if len(groups) > 5 or len(filters) > 18 or any(len(group["filters"]) > 6 for group in groups):
        raise _invalid("Too many filters")
    for one in filters:
        _check_keys(one, FILTER_KEYS)
        check_names([one["propertyName"]], types)
        if one["operator"] not in OPERATORS or not isinstance(one["value"], str):
            raise _invalid("A filter is not valid")
    if len(body.get("sorts", [])) > 1:
        raise _invalid("Only one sort is allowed")
    for sort in body.get("sorts", []):
        _check_keys(sort, {"propertyName", "direction"})
    if not 1 <= body.get("limit", 10) <= 200:
        raise _invalid("limit must be at most 200")
    if int(body.get("after", 0)) + body.get("limit", 10) > MOST_RESULTS:
        raise _invalid("Only 10,000 results can be paged through")
    check_names(body.get("properties", []), types)


def _check_keys(value, known):
    for key in value:
        if key not in known:
            raise _invalid(f"Unknown field {key}")


def _invalid(message):
    return RefusedError(400, message, category="VALIDATION_ERROR")
