"""Replies of an evaluation, each paid once: a step that is tried again, on whatever machine, finds them in the bucket.

They are kept in memory and, where NIVESH_GOOGLE_BUCKET is set, beside the tuning data.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache

from nivesh.models.gemini_advisor.answer_cache import cache_key
from nivesh.settings import settings
from nivesh.vertex import uploads
from nivesh.vertex.generation import Reply

CONCURRENCY = 4  # calls at once; Vertex AI's quotas are counted by the minute
Call = Callable[[], Reply]


def replies(calls: Iterable[tuple[tuple[str, ...], Call]]) -> list[Reply]:
    """The reply of each call.

    Args:
        calls: everything that a reply depends on, and the call that is paid where its reply is not known.

    Raises:
        VertexUnavailable, VertexRefused: a call got no reply; those that did are kept.
    """
    pairs = [(cache_key(*parts), call) for parts, call in calls]
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        known = dict(zip(dict(pairs), pool.map(lambda pair: _reply(*pair), dict(pairs).items()), strict=True))
    return [known[key] for key, _ in pairs]


def _reply(key: str, call: Call) -> Reply:
    memory = _memory()
    if key not in memory:
        memory[key] = _stored(f"nivesh/evaluation/{key}.json", call) if settings().google_bucket else call()
    return memory[key]


def _stored(name: str, call: Call) -> Reply:
    if content := uploads.read(name):
        return Reply(**json.loads(content))
    reply = call()
    uploads.write(name, json.dumps(asdict(reply), ensure_ascii=False).encode(), "application/json")
    return reply


@cache
def _memory() -> dict[str, Reply]:
    return {}
