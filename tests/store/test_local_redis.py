import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis

from nivesh.errors import FeaturesUnavailable
from nivesh.store import local_redis, online_store

USE = """
import sys
from pathlib import Path
from nivesh.store import local_redis
local_redis.url(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


def processes(home) -> list[int]:
    """Ids of everything that runs for a home."""
    found = subprocess.run(["pgrep", "-f", str(home / "redis")], capture_output=True, text=True).stdout
    return [int(line) for line in found.split() if int(line) != os.getpid()]


def wait(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.02)


def test_it_is_a_redis_with_a_password_and_without_scripts(home):
    with redis.Redis.from_url(local_redis.url(home)) as client:
        assert client.set("a", "b")
        for refused in (("EVAL", "return 1", 0), ("CONFIG", "GET", "dir"), ("FLUSHALL",), ("SHUTDOWN",)):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*refused)
    socket = client.connection_pool.connection_kwargs["path"]
    with redis.Redis(unix_socket_path=socket) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("a")
    assert (home / "redis" / "password").stat().st_mode & 0o077 == 0
    assert (home / "redis" / "redis.conf").stat().st_mode & 0o077 == 0


def test_it_ends_with_its_last_user_and_keeps_what_was_written(home):
    online_store.save_features("u", {"x": 1})
    other = subprocess.Popen(
        [sys.executable, "-c", USE, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "ready\n"
    online_store.close()
    time.sleep(0.5)
    assert len(processes(home)) >= 2  # the other process still needs it
    other.kill()
    other.wait()
    wait(lambda: not processes(home))
    assert online_store.get_features("u") == {"x": 1}


def test_a_supervisor_that_is_ending_is_replaced(home):
    (home / "redis").mkdir(parents=True)
    with (home / "redis" / "supervisor.lock").open("w") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        threading.Timer(0.5, ending.close).start()
        assert online_store.save_features("u", {"x": 1})


@pytest.mark.parametrize("killed", [b"redis-server", b"nivesh.store.local_redis"])
def test_it_comes_back_when_it_or_its_supervisor_was_killed(home, killed):
    online_store.save_features("u", {"x": 1})
    time.sleep(1.1)  # appendfsync everysec
    (victim,) = (pid for pid in processes(home) if killed in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(victim, signal.SIGKILL)
    wait(lambda: victim not in processes(home))
    answers = []

    def answered() -> bool:
        try:
            answers.append(online_store.get_features("u"))
        except FeaturesUnavailable:
            return False
        return True

    wait(answered)
    assert answers == [{"x": 1}]


def test_a_home_with_a_name_too_long_for_a_socket(tmp_path, monkeypatch):
    home = tmp_path / ("long" * 30)
    monkeypatch.delenv("NIVESH_REDIS_URL", raising=False)
    monkeypatch.setenv("NIVESH_HOME", str(home))
    assert online_store.save_features("u", {"x": 1})
    elsewhere = (home / "redis" / "socket").read_text()
    online_store.close()
    wait(lambda: not processes(home))
    assert not os.path.exists(elsewhere)


def test_without_a_redis_server_it_says_what_to_do(home, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    with pytest.raises(FeaturesUnavailable, match="NIVESH_REDIS_URL"):
        online_store.get_features("u")
