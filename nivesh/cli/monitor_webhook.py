from typing import Annotated

from typer import Option


def webhook(
    host: Annotated[str, Option(help="address to listen on; 0.0.0.0 for all")] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="port of POST /alerts")] = 9109,
    registry: Annotated[str, Option(help="of the training images on a cluster")] = "",
):
    """Take alerts of Alertmanager and retrain the models that they name, each once for a window.

    Requests need the header `Authorization: Bearer` with NIVESH_WEBHOOK_TOKEN. Runs are started on Kubeflow where
    KF_PIPELINES_ENDPOINT is set, else in this process.

    **Example**

    NIVESH_WEBHOOK_TOKEN=secret nivesh monitor webhook --port 9109
    """
    import logging

    import uvicorn

    from nivesh.cli import err
    from nivesh.cli.serve import check_port
    from nivesh.errors import SettingsError
    from nivesh.monitoring.newest_cause import newest_cause
    from nivesh.monitoring.webhook import PATH, Receiver, create_app
    from nivesh.settings import settings
    from nivesh.store.objects import monitoring_store
    from pipelines.retraining import starter

    token = settings().webhook_token
    if not token:
        raise SettingsError("set NIVESH_WEBHOOK_TOKEN: whoever reaches this port could start trainings")
    check_port(host, port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    store = monitoring_store()
    receiver = Receiver(store, starter(registry=registry), newest_cause(store))
    err.print(f"[green]alerts[/] on http://{f'[{host}]' if ':' in host else host}:{port}{PATH}", highlight=False)
    uvicorn.run(create_app(receiver, token), host=host, port=port, log_level="warning")
