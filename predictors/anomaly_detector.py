from nivesh.features.profile import Profile
from nivesh.serving.predictor import Predictor
from nivesh.store import streaming
from nivesh.store.storage_format import Stored


class Served(Predictor):
    """Answers whether a transaction is unusual for its user, and remembers it where it has an id.

    A transaction with a ``transaction_id`` has happened: it is in the profile for the next request, once however often
    it is sent, and each copy gets the same score. One without an id is a question, which changes nothing.
    """

    def _asked_at(self, request: dict, now: float) -> float:
        # Transactions may come after the fact; each is held against the past that it had.
        happened = request["transaction"]["transaction_id"]
        return streaming.event_time(request["transaction"]) if happened else now

    def _stored_features(self, requests: list[dict]) -> list[Stored]:
        happened = [bool(request["transaction"]["transaction_id"]) for request in requests]
        read = iter(super()._stored_features([one for one, yes in zip(requests, happened, strict=True) if not yes]))
        return [_record(request) if yes else next(read) for request, yes in zip(requests, happened, strict=True)]


def _record(request: dict) -> Stored:
    """Fold a transaction into the profile; the profile before it, empty for a new user."""
    applied = streaming.apply_transaction(request["user_id"], request["transaction"])
    return applied.before or Stored(Profile().to_stored(), streaming.event_time(request["transaction"]))
