"""Prometheus: whether it answers, scrapes what it should, and can compute its rules."""

from typing import Any

import httpx

from nivesh.doctor.finding import TIMEOUT, Finding, fail, not_configured, ok, warn
from nivesh.settings import settings


def prometheus() -> list[Finding]:
    """The Prometheus of the settings: its targets, rules and firing alerts."""
    url = settings().prometheus_url.rstrip("/")
    if not url:
        return [not_configured("Prometheus", "NIVESH_PROMETHEUS_URL")]
    start = "docker compose up -d prometheus, or correct NIVESH_PROMETHEUS_URL"
    try:
        with httpx.Client(base_url=url, timeout=TIMEOUT) as client:
            targets = _data(client.get("/api/v1/targets", params={"state": "active"}))["activeTargets"]
            groups = _data(client.get("/api/v1/rules"))["groups"]
    except (httpx.HTTPStatusError, ValueError, KeyError) as error:
        return [fail("Prometheus", f"{url} gives no targets: {error}".partition("\n")[0], start)]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [fail("Prometheus", f"{url} does not answer: {type(error).__name__}: {error}", start)]
    rules = [rule for group in groups for rule in group["rules"]]
    return [_targets(url, targets), *_rules(rules)]


def _data(answer: httpx.Response) -> dict[str, Any]:
    return dict(answer.raise_for_status().json()["data"])


def _targets(url: str, targets: list[dict[str, Any]]) -> Finding:
    """Those that are ours are all that it scrapes but itself."""
    ours = [target for target in targets if target["labels"].get("job") != "prometheus"]
    down = [
        f"{target['labels'].get('job')} {target['labels'].get('instance')}: {target.get('lastError') or 'not scraped yet'}"
        for target in ours
        if target["health"] != "up"
    ]
    if down:
        remedy = "docker compose ps, or kubectl -n nivesh get pods: start what is not running"
        return fail("Prometheus", f"{len(down)} of {len(ours)} targets are not up: {'; '.join(down)}", remedy)
    if not ours:
        remedy = "kubectl apply -k manifests/ (its PodMonitor), or scrape_configs as in compose/prometheus.yaml"
        return warn("Prometheus", f"{url} scrapes no model server", remedy)
    return ok("Prometheus", f"{url}, {len(ours)} targets are up")


def _rules(rules: list[dict[str, Any]]) -> list[Finding]:
    """Rules that cannot be computed, and alerts that fire."""
    broken = [f"{rule['name']}: {rule.get('lastError', '')}" for rule in rules if rule.get("health") == "err"]
    if broken:
        return [fail("alerts", f"rules that cannot be computed: {'; '.join(broken)}", "promtool check rules FILE")]
    if firing := sorted({rule["name"] for rule in rules if rule.get("state") == "firing"}):
        return [warn("alerts", f"firing: {', '.join(firing)}", "docs/troubleshooting.md says what to do about each")]
    return [ok("alerts", f"{len(rules)} rules, none fires")] if rules else []
