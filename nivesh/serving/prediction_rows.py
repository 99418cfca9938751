"""What the prediction log keeps of a request: no user ids, few texts and those masked, numbers as the model saw them."""

import hashlib
import hmac
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nivesh.models import served
from nivesh.models.served import TEXT_DATASETS, scalars, without_identity
from nivesh.serving.prediction_log import PredictionLog, Row
from nivesh.serving.prediction_segments import to_folder, to_s3
from nivesh.settings import settings
from nivesh.spec import Spec

logger = logging.getLogger("nivesh.serving.prediction_rows")


class Recorder:
    """Turns answered requests into rows of a prediction log.

    Args:
        log: takes the rows.
        text_share: part of the predictions on texts whose request is kept, 0 to 1.
        pseudonym_key: secret of the users' pseudonyms.
    """

    def __init__(self, log: PredictionLog, text_share: float, pseudonym_key: str):
        self.log, self.text_share, self.pseudonym_key = log, text_share, pseudonym_key

    def record(
        self,
        spec: Spec,
        version: str,
        prediction_id: str,
        requests: Sequence[Any],
        answers: Sequence[Any],
        latency_ms: float,
        status: int = 200,
        error: str = "",
    ) -> None:
        """Log a request.

        Args:
            spec, version: of the model.
            prediction_id: of the request; instances of a batch are numbered behind it.
            requests: its instances, validated and with features as far as they came.
            answers: one per instance; None for each where there was an error.
            latency_ms: milliseconds from the request to its answer.
            status: of HTTP.
            error: kind of error, "" for none.
        """
        now, text = time.time(), spec.dataset in TEXT_DATASETS
        for number, (request, answer) in enumerate(zip(requests, answers, strict=True), 1):
            row_id = prediction_id if len(requests) == 1 else f"{prediction_id}-{number}"
            request = dict(request) if isinstance(request, dict) else {}
            user, features = request.get("user_id"), request.pop("features", None)
            sampled = not text or _uniform(row_id) < self.text_share
            self.log.put(
                Row(
                    prediction_id=row_id,
                    time=now,
                    model=spec.key,
                    version=version,
                    user=pseudonym(str(user), self.pseudonym_key) if user else "",
                    request=without_identity(request) if sampled else None,
                    features=scalars(features) if isinstance(features, dict) else None,
                    answer=without_identity(answer),
                    status=status,
                    error=error,
                    latency_ms=latency_ms,
                    has_texts=text,
                )
            )


def open_recorder() -> Recorder | None:
    """The recorder of the settings, None where nothing is to be logged or the home cannot be written."""
    current = settings()
    store = current.prediction_store
    if store == "off":
        return None
    try:
        ship = to_s3(store) if store else to_folder(current.home / "predictions")
        log = PredictionLog(current.home / "prediction-segments", ship, masked)
    except OSError as error:
        logger.warning("predictions are not logged: %s", error)
        return None
    return Recorder(log, current.prediction_text_share, current.pseudonym_key)


def masked(row: Row) -> Row:
    """The row with the personal data in its texts masked; called where it delays no request."""
    return replace(row, request=served.masked(row.request), answer=served.masked(row.answer)) if row.has_texts else row


def pseudonym(user_id: str, key: str) -> str:
    """The same 32 hex digits for the same user: HMAC-SHA256, so that without the key no id can be tried."""
    return hmac.new(key.encode(), user_id.encode(), hashlib.sha256).hexdigest()[:32]


def _uniform(prediction_id: str) -> float:
    """A number from 0 to 1 that is the same for the same id."""
    return int.from_bytes(hashlib.sha256(prediction_id.encode()).digest()[:4], "big") / 2**32
