"""A fake API that gives a token with each answer, to ask with for what changed since.

Pages lead on by a key, as those of Kinto and Dataverse do. Deleted records come as tombstones.
"""

from __future__ import annotations

from tests.fake_api import FakeApi


class DeltaApi(FakeApi):
    """*oldest* is the oldest token that is taken; older ones are answered with *refusal*.

    *is_on_last*: only the last page has a token, which is that of the first page's time.
    """

    def __init__(self):
        super().__init__()
        self.version = 0
        self.versions = {}
        self.oldest = 0
        self.refusal = (410, {"message": "gone"})
        self.is_on_last = False
        self.deleted_key = "id"

    def create(self, count=1, **members):
        return self._marked(super().create(count, **members))

    def update(self, *ids, **members):
        super().update(*ids, **members)
        self._marked(ids)

    def delete(self, *ids):
        super().delete(*ids)
        self._marked(ids)

    def _marked(self, ids):
        for id_ in ids:
            self.version += 1
            self.versions[id_] = self.version
        return ids

    def reply(self, request):
        _, path, query, *_ = request
        own = self.answer(request)
        if path != "/api/items" or own is not None:
            return own or super().reply(request)
        with self.lock:
            token = None if "token" in self.ignored else query.get("token")
            if token is not None and int(token) < self.oldest:
                return self.refusal
            return 200, self.page(query, token), {"X-Delta": f'"{self.version}"'}

    def page(self, query, token):
        """Return a page of the whole list, by id, or of what changed since *token*, by version."""
        if token is None:
            keys = {id_: id_ for id_ in self.records}
        else:
            keys = {i: f"{v:09}" for i, v in self.versions.items() if v > int(token)}
        ids = [id_ for id_ in sorted(keys, key=keys.get) if keys[id_] > query.get("cursor", "")]
        limit = int(query.get("limit", 20))
        page, rest = ids[:limit], ids[limit:]
        answer = {"data": [self._row(id_) for id_ in page]}
        base = f"{self.links_to}/api/items?limit={limit}"
        given = query.get("as_of", str(self.version))
        if rest:
            answer["cursor"] = keys[page[-1]]
            answer["next"] = f"{base}&cursor={keys[page[-1]]}&as_of={given}"
            answer["next"] += "" if token is None else f"&token={token}"
        if not (self.is_on_last and rest):
            answer["delta"] = given if self.is_on_last else str(self.version)
            answer["delta_link"] = f"{base}&token={answer['delta']}"
        return answer

    def _row(self, id_):
        if id_ in self.records:
            return self.shown(self.records[id_])
        return {self.deleted_key: id_, "gone": True}
