"""Every error that a user can meet, in one tree.

NiveshError
├── DataError            a file or request does not fit its schema
├── MalformedRequest     a request is no JSON, or its tensors contradict themselves
├── RequestTooLarge      a request has more bytes or more instances than the server takes
├── Unauthorized         a request has no API key or a wrong one
├── RateLimited          a client sends more requests a minute than it may
├── Overloaded           more requests wait than can be answered in time
├── PredictionFailed     the model failed on a valid request
├── UserNotFound         no features or history for a user id
├── LabelsNotKept        the server has no store that labels may be kept in
├── FeaturesUnavailable  the feature store is away or its answer is stale
├── ModelNotFound        no such model key, version or champion
├── BundleError          a bundle is missing a file, or a file was changed
├── StorageUnavailable   S3 cannot be reached, or refuses
├── VertexRefused        Vertex AI or Cloud Storage says no: credentials, rights, names
├── VertexUnavailable    Vertex AI or Cloud Storage is away, too slow, or over its quota
├── TuningFailed         a tuning job ended without a model
├── GateRefused          a model version must not be promoted, with the reason
├── RegistryError        MLflow does not answer, refuses, or does not hold what the cluster serves
├── RolloutRefused       a rollout command does not apply to the present state; nothing was changed
├── RolloutFailed        a canary does not start; the stable version keeps serving
├── ClusterError         Kubernetes refuses, or does not reach the wanted state in time
│   └── ClusterUnavailable   the API server does not answer
└── SettingsError        an option or environment variable is out of range
"""


class NiveshError(Exception):
    """Base of all errors that are shown to a user as one clear message."""


class DataError(NiveshError):
    """A file, row or request does not fit its schema. The message names the row and what to do."""


class MalformedRequest(NiveshError):
    """A request cannot be read: no JSON, or tensors whose shape, type and data contradict each other."""


class RequestTooLarge(NiveshError):
    """A request has more bytes or instances than the server takes at once. The message says how many it takes."""


class Unauthorized(NiveshError):
    """A request has no API key, or a wrong one."""


class RateLimited(NiveshError):
    """A client sends more requests a minute than it may."""


class Overloaded(NiveshError):
    """More requests wait than can be answered in time; try again a little later."""


class PredictionFailed(NiveshError):
    """The model failed on a request that had passed all checks; the server's log has the traceback."""


class UserNotFound(NiveshError):
    """Nothing is known about this user id."""


class LabelsNotKept(NiveshError):
    """A server has no store in which labels of its predictions would be kept; the message names the setting."""


class FeaturesUnavailable(NiveshError):
    """The feature store did not answer, or what it holds is too old to be used."""


class ModelNotFound(NiveshError):
    """No such model key, or the model has no such version or alias."""


class BundleError(NiveshError):
    """A served model's folder is incomplete or does not match its manifest."""


class StorageUnavailable(NiveshError):
    """The S3 that bundles are published to cannot be reached, or refuses."""


class VertexRefused(NiveshError):
    """Vertex AI or Cloud Storage refuses: no credentials, no right, a wrong name or value. Trying again is of no use."""


class VertexUnavailable(NiveshError):
    """Vertex AI or Cloud Storage did not answer in time, is away, or a quota is used up. Try again later."""


class TuningFailed(NiveshError):
    """A tuning job failed, was cancelled or expired; the message has Vertex AI's own words."""


class GateRefused(NiveshError):
    """The gate does not let this version through; the message says why."""


class RegistryError(NiveshError):
    """MLflow is not configured, does not answer, refuses, or does not hold what the cluster serves."""


class RolloutRefused(NiveshError):
    """A rollout command does not apply to the present state; nothing was changed."""


class RolloutFailed(NiveshError):
    """A canary does not start; the stable version keeps serving. The message has the pod's own error."""


class ClusterError(NiveshError):
    """Kubernetes is not configured, refuses a request, or does not reach the wanted state in time."""


class ClusterUnavailable(ClusterError):
    """The API server does not answer, or says that it cannot for now. The request may be repeated."""


class SettingsError(NiveshError):
    """An option, parameter or environment variable has a value that cannot be used."""
