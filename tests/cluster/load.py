"""A constant load on a model, and the result of each request."""

import asyncio
import collections
import threading
import time
from dataclasses import dataclass, field

import aiohttp

GATEWAY = "http://127.0.0.1:8080"
# The gateway may be one that lets nobody in without a key: helm/nivesh/values-local.yaml has it.
KEY = {"X-API-Key": "nivesh-local-key"}
LONGEST_SECONDS = 300
TIMEOUT_SECONDS = 15


@dataclass
class Load:
    """A constant rate of requests, whether or not earlier ones were answered, until the ``with`` block ends.

    Only to this machine's gateway, and for a bounded time.
    """

    host: str
    path: str
    body: dict
    rate: int = 55
    headers: dict = field(default_factory=KEY.copy)
    gateway: str = GATEWAY
    answers: list[tuple[float, str]] = field(default_factory=list)  # (when sent, version)
    failures: list[tuple[float, str]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def __enter__(self) -> "Load":
        self.stopping, self.started = threading.Event(), time.monotonic()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._send()), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopping.set()
        self.thread.join(TIMEOUT_SECONDS + 5)

    def watch(self, seconds: float) -> collections.Counter:
        """Answers by version among the requests of the next seconds."""
        start = time.monotonic() - self.started
        time.sleep(seconds)
        end = start + seconds
        time.sleep(0.5)  # for the last answers
        return collections.Counter(version for sent, version in list(self.answers) if start <= sent < end)

    def assert_nothing_lost(self) -> str:
        """All requests were answered, and there were as many as planned; returns the figures."""
        total = len(self.answers) + len(self.failures)
        figures = (
            f"{total} requests in {self.seconds:.0f} s ({total / self.seconds:.0f}/s), {len(self.failures)} failed"
        )
        assert not self.failures, f"{figures}: {self.failures[:5]}"
        assert total / self.seconds >= 50, figures
        return figures

    async def _send(self) -> None:
        seconds = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        # Of Python's clients the one that costs least: the machine has few cores, and the models need them.
        connector = aiohttp.TCPConnector(limit=0, ssl=False)  # a test's certificate is its own
        async with aiohttp.ClientSession(self.gateway, timeout=seconds, connector=connector) as http:
            waiting = set()
            while not self.stopping.is_set():
                sent = time.monotonic() - self.started
                if sent > LONGEST_SECONDS:
                    break
                task = asyncio.create_task(self._ask(http, sent))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
                due = self.started + (len(self.answers) + len(self.failures) + len(waiting)) / self.rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.seconds = time.monotonic() - self.started
            await asyncio.gather(*waiting)

    async def _ask(self, http: aiohttp.ClientSession, sent: float) -> None:
        try:
            async with http.post(self.path, json=self.body, headers={"Host": self.host} | self.headers) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failures.append((sent, repr(error)))
            return
        if answer.status == 200:
            self.answers.append((sent, answer.headers["X-Model-Version"]))
        else:
            self.failures.append((sent, f"{answer.status} {text[:200]}"))
