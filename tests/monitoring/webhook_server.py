"""``python -m tests.monitoring.webhook_server FOLDER PORT``: the receiver, with starts that leave a line in FOLDER/starts."""

import sys
from pathlib import Path

import uvicorn

from nivesh.monitoring import retraining
from nivesh.monitoring.newest_cause import newest_cause
from nivesh.monitoring.webhook import Receiver, create_app
from nivesh.store.objects import FolderStore
from tests.monitoring.file_starter import FileStarter

if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    retraining.champion = lambda key: ("1.0.0 abc", "")  # no MLflow: it would take seconds of each start
    store = FolderStore(folder / "store")
    starter = FileStarter(folder / "starts", seconds=0.3)
    receiver = Receiver(store, starter, newest_cause(store), lease_seconds=5, retry_seconds=0.1)
    uvicorn.run(create_app(receiver, "secret"), port=port, log_level="warning")
