import pytest

from nivesh.models.gemini_advisor import answer_cache, budget, evaluation_replies, shared_redis
from nivesh.models.gemini_advisor.advisor import Advisor
from nivesh.models.gemini_advisor.schema import INSTRUCTIONS
from nivesh.vertex import generation
from nivesh.vertex.prices import price

MODELS = "projects/local/locations/us-central1/publishers/google/models"
BASE = f"{MODELS}/gemini-2.5-flash"
JUDGE = f"{MODELS}/gemini-2.5-flash-lite"


@pytest.fixture
def advisor(home, vertex):
    """An advisor whose endpoint is the base model, with an empty budget and cache under its own home."""
    generation.breaker.cache_clear()
    shared_redis._connect.cache_clear()
    answer_cache._cache.cache_clear()
    budget._budget.cache_clear()
    evaluation_replies._memory.cache_clear()
    return Advisor(
        BASE, BASE, JUDGE, "", 0, price("gemini-2.5-flash"), price("gemini-2.5-flash-lite"), INSTRUCTIONS, ()
    )
