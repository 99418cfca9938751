"""Redis: whether it answers, takes the password, and holds features that are young enough for the models."""

import time
from collections.abc import Mapping

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nivesh import models
from nivesh.doctor.finding import TIMEOUT, Finding, fail, ok, warn
from nivesh.errors import NiveshError
from nivesh.features.feature_views import FEATURE_TTL
from nivesh.features.groups import COMPUTE
from nivesh.monitoring.objectives import DAY, MATERIALIZATION_SECONDS
from nivesh.settings import settings
from nivesh.store import local_redis, redis_client
from nivesh.store.online_store import MARKER
from nivesh.store.storage_format import MAX_CLOCK_SKEW

OLD = MATERIALIZATION_SECONDS  # as the alert on it
MATERIALIZE = "nivesh features materialize"


def redis_server() -> list[Finding]:
    """The Redis of the settings; an embedded one is not started for this."""
    if settings().redis_url:
        redis_client.parse(settings().redis_url)
        return _ask(settings().redis_url)
    try:
        local_redis.executable()
    except NiveshError as error:
        return [fail("Redis", str(error), "sudo apt-get install redis-server, or set NIVESH_REDIS_URL")]
    folder = settings().home.resolve() / "redis"
    url = local_redis.running(settings().home)
    if url:
        return _ask(url)
    if not (folder / "appendonlydir").exists() and not (folder / "appendonly.aof").exists():
        return [warn("Redis", f"the embedded one in {folder} was never filled", MATERIALIZE)]
    return [ok("Redis", f"embedded in {folder}, not running: the next command that needs it starts it")]


def _ask(url: str) -> list[Finding]:
    where = redis_client.parse(url)
    place = where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
    wrong = "correct the password in NIVESH_REDIS_URL: set -a; . ./.env; set +a"
    start = "docker compose up -d redis, kubectl -n nivesh port-forward service/redis 6379, or correct NIVESH_REDIS_URL"
    try:
        with redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
            marker = {group.decode(): float(value) for group, value in client.hgetall(MARKER).items()}
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        return [fail("Redis", f"{place} refuses the user or password ({error})", wrong)]
    except redis.TimeoutError:
        return [fail("Redis", f"{place} did not answer within {TIMEOUT:g} s", start)]
    except redis.ConnectionError as error:
        return [fail("Redis", f"{place} does not answer: {error}", start)]
    except (TypeError, ValueError) as error:  # an option of the URL that there is not
        return [fail("Redis", f"NIVESH_REDIS_URL: {error}", "correct NIVESH_REDIS_URL")]
    except redis.ResponseError as error:
        denied = "NOAUTH" in str(error) or "WRONGPASS" in str(error)
        return [fail("Redis", f"{place} refuses: {error}", wrong if denied else start)]
    return [ok("Redis", f"{place} answers"), age(marker, limits(), time.time())]


def limits() -> dict[str, float | None]:
    """Seconds that features of each group may be old, by the strictest model; None where no model sets a limit."""
    found: dict[str, float | None] = dict.fromkeys(COMPUTE)
    for spec in (models.get(key).spec for key in models.keys()):
        if spec.user_features in found and spec.max_feature_age is not None:
            before = found[spec.user_features]
            found[spec.user_features] = min(before or spec.max_feature_age, spec.max_feature_age)
    return found


def age(marker: Mapping[str, float], limits: Mapping[str, float | None], now: float) -> Finding:
    """How old each group's features are.

    Args:
        marker: group -> event time of the last materialisation, seconds since 1970 UTC.
        limits: group -> seconds that its features may be old; None for no limit but their expiry.
        now: seconds since 1970 UTC.
    """
    ages = {group: now - marker[group] for group in limits if group in marker}
    text = ", ".join(f"{group} {max(0.0, seconds) / DAY:.1f} days" for group, seconds in ages.items())
    if missing := [group for group in limits if group not in marker]:
        empty = f"no {', '.join(missing)} of anybody: never filled, or Redis lost its data"
        return fail("features", empty, MATERIALIZE)
    if ahead := [group for group, seconds in ages.items() if seconds < -MAX_CLOCK_SKEW]:
        seconds = -ages[ahead[0]]
        return fail(
            "features", f"{ahead[0]} is of {seconds:.0f} s in the future", f"correct the clocks, then {MATERIALIZE}"
        )
    expiry = FEATURE_TTL.total_seconds()
    if refused := [group for group, seconds in ages.items() if seconds > (limits[group] or expiry)]:
        return fail("features", f"too old for the models: {', '.join(refused)} ({text})", MATERIALIZE)
    if max(ages.values()) > OLD:
        return warn(
            "features", f"older than {OLD / DAY:.0f} days: {text}", f"{MATERIALIZE}; look why the daily run failed"
        )
    return ok("features", text)
