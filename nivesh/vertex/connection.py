"""Clients of Vertex AI: their address, their credentials, and the translation of their errors."""

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import google.auth
import grpc
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud import aiplatform_v1

from nivesh.errors import SettingsError, VertexRefused, VertexUnavailable
from nivesh.settings import settings

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def location() -> str:
    """``projects/…/locations/…`` of the settings.

    Raises:
        SettingsError: no project is set.
    """
    current = settings()
    if not current.google_project:
        raise SettingsError("NIVESH_GOOGLE_PROJECT is not set; name the Google Cloud project that tunes and is billed")
    return f"projects/{current.google_project}/locations/{current.google_region}"


def base_model(name: str) -> str:
    """The resource name of one of Google's own models."""
    return f"{location()}/publishers/google/models/{name}"


def tuning_client() -> aiplatform_v1.GenAiTuningServiceClient:
    """Google's client for tuning jobs."""
    return _connect(aiplatform_v1.GenAiTuningServiceClient, settings().google_region, settings().google_endpoint)


def prediction_client(endpoint: str) -> aiplatform_v1.PredictionServiceClient:
    """Google's client for replies, in the region of an endpoint's resource name."""
    region = endpoint.split("/locations/")[-1].split("/")[0]
    return _connect(aiplatform_v1.PredictionServiceClient, region, settings().google_endpoint)


def credentials() -> google.auth.credentials.Credentials:
    """Application Default Credentials.

    Raises:
        VertexRefused: there are none.
    """
    try:
        return google.auth.default(scopes=[SCOPE])[0]
    except DefaultCredentialsError:
        raise VertexRefused(
            "there are no Google credentials; run gcloud auth application-default login, "
            "or let GOOGLE_APPLICATION_CREDENTIALS name a service account's key"
        ) from None


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Raise Google's errors as one sentence that says what to do.

    Raises:
        VertexRefused: a retry does not help.
        VertexUnavailable: a later retry may help.
    """
    try:
        yield
    except exceptions.RetryError as error:
        with translate_errors(action):
            raise (error.cause or exceptions.DeadlineExceeded(str(error))) from None
    except exceptions.TooManyRequests as error:
        raise VertexUnavailable(
            f"{action}: a quota of the project is used up ({error.message}); wait, or ask for more on the page Quotas"
        ) from error
    except exceptions.Forbidden as error:
        raise VertexRefused(
            f"{action}: not allowed ({error.message}); enable the API aiplatform.googleapis.com, and give your account "
            "the roles Vertex AI User and Storage Object User in the project"
        ) from error
    except TransportError as error:
        raise VertexUnavailable(f"{action}: Google's sign-in did not answer ({error}); try again later") from error
    except (exceptions.Unauthorized, GoogleAuthError) as error:
        raise VertexRefused(
            f"{action}: the credentials are not accepted ({error}); run gcloud auth application-default login"
        ) from error
    except exceptions.NotFound as error:
        raise VertexRefused(
            f"{action}: not found ({error.message}); check the project, region, bucket and model"
        ) from error
    except exceptions.ClientError as error:
        raise VertexRefused(f"{action}: refused ({error.message})") from error
    except (exceptions.ServerError, ConnectionError, TimeoutError) as error:
        raise VertexUnavailable(f"{action}: Google did not answer ({error}); try again later") from error


@cache
def _connect(kind: Any, region: str, override: str) -> Any:
    """A client with its channel, one per address."""
    if override:
        address = urlsplit(override)
        if address.scheme == "http" and address.port and _is_loopback(address.hostname):
            channel = grpc.insecure_channel(address.netloc)
            return kind(transport=kind.get_transport_class("grpc")(channel=channel))
        if address.scheme != "https" or not address.hostname:
            raise SettingsError(
                f"NIVESH_GOOGLE_ENDPOINT={override!r}: give https://host, or http://127.0.0.1:port on this machine"
            )
        host = address.netloc
    else:
        host = "aiplatform.googleapis.com" if region == "global" else f"{region}-aiplatform.googleapis.com"
    return kind(credentials=credentials(), client_options={"api_endpoint": host})


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def storage_emulator() -> bool:
    """Whether the storage client's own variable sends it to an emulator, which needs no credentials."""
    return bool(os.environ.get("STORAGE_EMULATOR_HOST"))
