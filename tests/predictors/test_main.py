import subprocess
import sys


def test_a_bundle_that_cannot_be_served_is_one_line_and_a_failure(tmp_path):
    command = [sys.executable, "-m", "predictors", "anomaly_detector", "--model_dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert (
        done.stderr
        == f"anomaly_detector is not served: BundleError: {tmp_path}: there is no manifest.json; this is not a bundle\n"
    )
