"""Google's Vertex AI as the platform uses it: tuning data in Cloud Storage, tuning jobs, replies of models, prices.

Thin calls of Google's own clients (``aiplatform_v1``, ``storage``), whose errors are translated to ``VertexRefused``
(something must be corrected) or ``VertexUnavailable`` (try later).
"""
