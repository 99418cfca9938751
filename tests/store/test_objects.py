"""Both stores keep the same promises: real files, and a real S3 API on this machine."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from moto.server import ThreadedMotoServer

from nivesh.errors import DataError, SettingsError, StorageUnavailable
from nivesh.registry import s3 as s3_calls
from nivesh.store.objects import FolderStore, ObjectStore, S3Store, monitoring_store, open_store


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """An empty bucket of an S3 on this machine, or of the one that NIVESH_TEST_S3 names."""
    for name, value in {
        "AWS_ENDPOINT_URL": os.environ.get("NIVESH_TEST_S3", s3_server),
        "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID", "user"),
        "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY", "secret"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    if "NIVESH_TEST_S3" not in os.environ:
        client.create_bucket(Bucket="models")
    return client


@pytest.fixture(params=["folder", "s3", "s3, whole bucket"])
def opened(request, tmp_path) -> Callable[[], ObjectStore]:
    """Opens the store of a test anew, as another process would."""
    if request.param == "folder":
        return lambda: open_store("", tmp_path / "store")
    request.getfixturevalue("s3")
    prefix = f"/team/{uuid.uuid4().hex}" if request.param == "s3" else ""
    if not prefix and "NIVESH_TEST_S3" in os.environ:
        pytest.skip("that bucket is not empty")
    return lambda: open_store(f"s3://models{prefix}", tmp_path)


@pytest.fixture
def store(opened) -> Iterator[ObjectStore]:
    one = opened()
    yield one
    for name in one.names():
        one.delete(name)


def test_what_is_written_is_read_listed_and_deleted(store):
    assert store.names() == []
    store.write("reports/credit_risk/20260131.json", b"first")
    store.write("reports/credit_risk/20260131.json", b"second")
    store.write("reports/credit_risk_2/a.json", b"")
    store.write("labels/model=credit_risk/date=2026-01-31/ab.parquet", b"\0\xff")
    assert store.read("reports/credit_risk/20260131.json") == b"second"
    assert store.read("reports/credit_risk_2/a.json") == b""
    assert store.read("labels/model=credit_risk/date=2026-01-31/ab.parquet") == b"\0\xff"
    assert store.names("reports/credit_risk/") == ["reports/credit_risk/20260131.json"]
    assert store.names("reports/credit_risk") == ["reports/credit_risk/20260131.json", "reports/credit_risk_2/a.json"]
    assert len(store.names()) == 3
    assert store.names("nothing/") == []
    assert store.folders() == ["labels/", "reports/"]
    assert store.folders("reports/") == ["reports/credit_risk/", "reports/credit_risk_2/"]
    assert store.folders("labels/model=c") == ["labels/model=credit_risk/"]
    assert store.folders("reports/credit_risk/") == store.folders("nothing/") == []
    store.delete("reports/credit_risk_2/a.json")
    store.delete("reports/credit_risk_2/a.json")
    assert len(store.names()) == 2
    with pytest.raises(FileNotFoundError):
        store.read("reports/credit_risk_2/a.json")


def test_create_writes_only_where_there_is_nothing(store):
    assert store.create("intents/a.json", b"first")
    assert not store.create("intents/a.json", b"second")
    assert not store.create("intents/a.json", b"first"), "the same content again was written by somebody else"
    assert store.read("intents/a.json") == b"first"
    store.delete("intents/a.json")
    assert store.create("intents/a.json", b"third")


def test_of_many_creators_one_wins_and_its_content_stays(opened, store):
    stores = [opened() for _ in range(8)]
    for number in range(20):
        with ThreadPoolExecutor(8) as pool:
            name = f"intents/{number}.json"
            won = list(pool.map(lambda k, name=name: stores[k].create(name, b"%d" % k), range(8)))
        assert sum(won) == 1
        assert store.read(f"intents/{number}.json") == b"%d" % won.index(True)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../outside", "a/../../b", "a//b", "a/", ".hidden", "a/.b/c"])
def test_a_name_that_leads_out_of_the_store_is_refused(store, name):
    for call in (store.read, store.delete, lambda name: store.write(name, b""), lambda name: store.create(name, b"")):
        with pytest.raises(DataError, match="cannot be the name of an object"):
            call(name)


WRITER = """
import sys
from pathlib import Path
from nivesh.store.objects import FolderStore
store = FolderStore(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    store.write("a", b"%09d" % number * 20_000)
    store.create(f"created/{number}", b"%09d" % number * 20_000)
    number += 1
"""


def test_a_killed_writer_leaves_whole_objects_only(tmp_path):
    store = FolderStore(tmp_path)
    for delay in (0.02, 0.031, 0.053, 0.087, 0.13):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout and process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for name in store.names():
            content = store.read(name)
            assert len(content) == 180_000 and content == content[:9] * 20_000
    assert len(store.names("created/")) > 5


def test_a_repeated_request_whose_first_answer_was_lost_is_recognised(s3, monkeypatch):
    """boto3 sends it again by itself; the object that the first try has written is this caller's own."""
    send, lost = URLLib3Session.send, []

    def lose_first_answer(self, request):
        answer = send(self, request)
        if request.method == "PUT" and not lost:
            lost.append(answer.status_code)
            raise ConnectionError("the connection was closed")
        return answer

    store = S3Store(f"s3://models/{uuid.uuid4().hex}")
    store.client = boto3.client("s3", config=Config(retries={"mode": "standard"}))
    from botocore.exceptions import EndpointConnectionError

    def translated(self, request):
        try:
            return lose_first_answer(self, request)
        except ConnectionError as error:
            raise EndpointConnectionError(endpoint_url=request.url) from error

    monkeypatch.setattr(URLLib3Session, "send", translated)
    assert store.create("mine", b"token of this caller")
    assert lost == [200], "the first try was written"
    lost.clear()
    assert not store.create("mine", b"token of another"), "what is there is not its own"
    assert lost == [412]
    store.delete("mine")


def test_a_store_that_is_away_is_one_clear_error(tmp_path, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_MAX_ATTEMPTS": "1", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    store = S3Store("s3://models")
    for call in (lambda: store.read("a"), lambda: store.create("a", b""), store.names):
        with pytest.raises(StorageUnavailable, match="check AWS_ENDPOINT_URL"):
            call()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageUnavailable, match="check the folder"):
        FolderStore(tmp_path / "file").write("a", b"")


def test_the_setting_names_a_bucket_or_the_home_is_used(home, s3, monkeypatch):
    monitoring_store().write("a/b.json", b"1")
    assert (home / "monitoring" / "a" / "b.json").read_bytes() == b"1"
    monkeypatch.setenv("NIVESH_MONITORING_STORE", "s3://models/monitoring")
    assert isinstance(monitoring_store(), S3Store)
    monkeypatch.setenv("NIVESH_MONITORING_STORE", "models/monitoring")
    with pytest.raises(SettingsError, match="NIVESH_MONITORING_STORE"):
        monitoring_store()


def test_files_that_are_no_objects_are_not_listed(tmp_path):
    (tmp_path / ".lost.part").write_text("left by a killed process")
    (Path(tmp_path) / ".cache").mkdir()
    (tmp_path / ".cache" / "x").write_text("")
    assert FolderStore(tmp_path).names() == []


def test_conflicts_are_tried_again_a_few_times(s3, monkeypatch):
    """409 says that nothing was decided: somebody deletes or writes the object at the same time."""
    from botocore.exceptions import ClientError

    tries = []

    class Conflicting:
        exceptions = s3.exceptions

        def put_object(self, **arguments):
            tries.append(arguments["IfNoneMatch"])
            if len(tries) < 3:
                code = {"Code": "ConditionalRequestConflict"}
                raise ClientError({"Error": code, "ResponseMetadata": {"RetryAttempts": 0}}, "PutObject")
            return s3.put_object(**arguments)

    name = uuid.uuid4().hex
    assert s3_calls.create(Conflicting(), "models", name, b"mine")
    assert tries == ["*"] * 3
    s3.delete_object(Bucket="models", Key=name)
