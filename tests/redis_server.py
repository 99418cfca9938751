"""A real redis-server for tests, that can be stopped, frozen and started again."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from nivesh.store import local_redis

PASSWORD = "a,b=c d'e\"$f"  # every character that a connection string could stumble over


class RedisServer:
    """One server with a password on a Unix socket; its data live as long as the folder."""

    process: subprocess.Popen[bytes]

    def __init__(self, folder: Path):
        self.folder = folder
        quoted = PASSWORD.replace('"', '\\"')
        config = f'port 0\nunixsocket {folder}/s\nrequirepass "{quoted}"\ndir {folder}\nappendonly yes\nsave ""\n'
        (folder / "redis.conf").write_text(config)
        self.client = redis.Redis(unix_socket_path=f"{folder}/s", password=PASSWORD)
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/s?password=a,b%3Dc%20d%27e%22%24f"

    def start(self) -> None:
        command = [local_redis.executable(), str(self.folder / "redis.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                if self.client.ping():
                    return
            except redis.RedisError:
                time.sleep(0.02)
        raise AssertionError("redis-server does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.thaw()
        self.kill()
        shutil.rmtree(self.folder)
