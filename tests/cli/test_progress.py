from nivesh.cli.progress import bar, bars


def test_a_log_gets_a_line_for_each_step_and_not_for_each_update(capsys):
    with bars(["a", "b"]) as update:
        for fraction in (0.0, 0.2, 0.4):
            update("a", fraction, "train loss 0.5")
        update("b", 0.0, "train")
        update("a", 1.0, "evaluate")
    assert capsys.readouterr().err.splitlines() == ["a: train loss 0.5 (0%)", "b: train (0%)", "a: evaluate (100%)"]


def test_a_long_step_prints_a_line_from_time_to_time(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with bar("a") as update:
        for now in (1.0, 10.0, 30.0):
            update(0.5, f"train at {now}")
    assert len(capsys.readouterr().err.splitlines()) == 2
