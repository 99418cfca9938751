"""Google's Vertex AI as the platform uses it: tuning data in Cloud Storage, tuning jobs, answers of endpoints, prices.

Thin calls of Google's own clients (``aiplatform_v1``, ``storage``), whose errors come out as ``VertexRefused`` (mend
something) or ``VertexUnavailable`` (try later).
"""
