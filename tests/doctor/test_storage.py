import boto3
import pytest
from moto.server import ThreadedMotoServer

from nivesh.doctor import storage
from nivesh.doctor.finding import Status
from tests.conformance.conftest import free_port
from tests.doctor.http_server import answering


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(moto, monkeypatch):
    for name, value in {
        "ENDPOINT_URL": moto,
        "ACCESS_KEY_ID": "a",
        "SECRET_ACCESS_KEY": "b",
        "REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return boto3.resource("s3", endpoint_url=moto)


def test_without_s3_nothing_is_asked():
    assert storage.bundles()[0].status is Status.NOT_CONFIGURED
    assert [storage.predictions()[0].status, storage.monitoring()[0].status] == [Status.OK, Status.OK]


def test_a_missing_bucket_an_empty_one_and_a_filled_one(s3):
    (finding,) = storage.bundles()
    assert finding.status is Status.FAIL and "no such bucket" in finding.message
    assert finding.remedy == "aws s3 mb s3://models"
    bucket = s3.create_bucket(Bucket="models")
    assert storage.bundles()[0].message.endswith(", empty")
    bucket.put_object(Key="credit_risk/1.0.0/manifest.json", Body=b"{}")
    (finding,) = storage.bundles()
    assert finding.status is Status.OK and not finding.message.endswith("empty")


def test_a_dead_port(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (finding,) = storage.bundles()
    assert finding.status is Status.FAIL and "AWS_ENDPOINT_URL" in finding.remedy


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("SignatureDoesNotMatch", "correct AWS_ACCESS_KEY_ID"),
        ("InvalidAccessKeyId", "correct AWS_ACCESS_KEY_ID"),
        ("AccessDenied", "s3:ListBucket"),
        ("RequestTimeTooSkewed", "timedatectl"),
    ],
)
def test_what_s3_refuses(monkeypatch, code, remedy):
    xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    with answering({"": (403, xml)}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        (finding,) = storage.bundles()
    assert finding.status is Status.FAIL and remedy in finding.remedy and "wrong" not in finding.message


def test_the_prediction_log_may_be_off_a_folder_or_a_bucket(s3, home, monkeypatch):
    monkeypatch.setenv("NIVESH_PREDICTION_STORE", "off")
    assert storage.predictions()[0].message == "off"
    monkeypatch.setenv("NIVESH_PREDICTION_STORE", "s3://nowhere/log")
    (finding,) = storage.predictions()
    assert finding.status is Status.FAIL and finding.remedy == "aws s3 mb s3://nowhere"
    monkeypatch.setenv("NIVESH_PREDICTION_STORE", "")
    (home / "predictions").mkdir(parents=True)
    assert str(home / "predictions") in storage.predictions()[0].message
