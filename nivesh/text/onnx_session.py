"""Sessions of onnxruntime, as all text models open them."""

from typing import Any

from nivesh.settings import thread_count


def open_session(graph: bytes) -> Any:
    """An ``onnxruntime.InferenceSession`` of an ONNX graph on the CPU, with ``thread_count`` threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
