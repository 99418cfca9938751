"""S3 and folders: where bundles, logged predictions and monitoring results lie."""

import os
from pathlib import Path
from typing import Any

from nivesh.doctor.finding import TIMEOUT, Finding, fail, not_configured, ok
from nivesh.registry import s3
from nivesh.settings import settings

CREDENTIALS = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
OFF = "off"


def bundles() -> list[Finding]:
    """The store that clusters load bundles from. Its default bucket counts only where S3 is configured at all."""
    named = "NIVESH_BUNDLE_STORE" in os.environ or "AWS_ENDPOINT_URL" in os.environ
    if not named and not (os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_PROFILE")):
        return [not_configured("bundle store", "NIVESH_BUNDLE_STORE")]
    return [_bucket("bundle store", settings().bundle_store)]


def predictions() -> list[Finding]:
    """Where predictions are logged."""
    return [_store("prediction log", settings().prediction_store, settings().home / "predictions")]


def monitoring() -> list[Finding]:
    """Where labels, reports and the ledger of retraining lie."""
    return [_store("monitoring store", settings().monitoring_store, settings().home / "monitoring")]


def _store(part: str, address: str, folder: Path) -> Finding:
    """A store that is a bucket, a folder of the home, or off."""
    if address == OFF:
        return ok(part, "off")
    if address:
        return _bucket(part, address)
    if not folder.exists():
        return ok(part, f"{folder} is made when it is first used")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return fail(part, f"{folder} cannot be written", f"chown {folder}, or set NIVESH_HOME to another folder")
    return ok(part, str(folder.resolve()))


def _bucket(part: str, address: str) -> Finding:
    """Whether a bucket is there and can be read; nothing is written to find out.

    Raises:
        SettingsError: the address is none.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

    bucket, prefix = s3.split(address)
    once = Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": 1})
    where = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
    try:
        client = boto3.client("s3", config=once)
        listed: Any = client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", MaxKeys=1)
    except NoCredentialsError:
        return fail(
            part, f"{address}: no credentials", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    except NoRegionError:
        return fail(part, f"{address}: no region", "set AWS_REGION, such as ap-south-1")
    except ClientError as error:
        return _refused(part, address, f"{where}: {error.response['Error'].get('Message', error)}", error)
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        return fail(part, f"{address}: {error}", "correct AWS_ENDPOINT_URL, or start the S3 that it names")
    return ok(part, f"{address} at {where}" + ("" if listed.get("KeyCount") else ", empty"))


def _refused(part: str, address: str, text: str, error: Any) -> Finding:
    code = error.response["Error"].get("Code", "")
    if code in ("NoSuchBucket", "404"):
        return fail(part, f"{address}: there is no such bucket", f"aws s3 mb s3://{s3.split(address)[0]}")
    if code == "RequestTimeTooSkewed":
        return fail(part, f"{address}: {text}", "sudo timedatectl set-ntp true")
    if code in ("AccessDenied", "AllAccessDisabled"):
        return fail(
            part, f"{address}: {text}", f"give these credentials s3:ListBucket and s3:GetObject, or {CREDENTIALS}"
        )
    return fail(part, f"{address}: {text}", CREDENTIALS)
