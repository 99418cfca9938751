"""Vertex AI's tuning and prediction services over gRPC, with the messages of Google's published protos.

The "tuned model" replies with the nearest example of the uploaded training data, the "base model" with one general
sentence: enough to see whether the data arrived, and which of the two was called. A call with a JSON schema is one of
the judge; it follows a script.
"""

import json
import re
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
from google.cloud.aiplatform_v1 import (
    CancelTuningJobRequest,
    Candidate,
    Content,
    CreateTuningJobRequest,
    GenerateContentRequest,
    GenerateContentResponse,
    GetTuningJobRequest,
    HarmCategory,
    JobState,
    ListTuningJobsRequest,
    ListTuningJobsResponse,
    Part,
    SafetyRating,
    SafetySetting,
    TunedModel,
    TuningJob,
)
from google.protobuf.empty_pb2 import Empty

from tests.vertex.storage import Storage

BASE_MODELS = ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro")
BASE_ANSWER = (
    "It depends on your situation. Consider your income, your spending and your goals, compare a few options, and talk "
    "to a financial adviser before you decide anything."
)
PACKAGE = "google.cloud.aiplatform.v1"
# The lowest probability that a threshold blocks.
LOWEST_BLOCKED = {
    SafetySetting.HarmBlockThreshold.BLOCK_LOW_AND_ABOVE: SafetyRating.HarmProbability.LOW,
    SafetySetting.HarmBlockThreshold.BLOCK_MEDIUM_AND_ABOVE: SafetyRating.HarmProbability.MEDIUM,
    SafetySetting.HarmBlockThreshold.BLOCK_ONLY_HIGH: SafetyRating.HarmProbability.HIGH,
}


class Vertex:
    """One project's Vertex AI.

    Attributes:
        states: of a new job, one for each poll.
        job_error: the message of a job that fails.
        failures: by method, the statuses (code, message) of its next calls; "Judge" is the method of the judge's calls.
        delay: seconds that each reply takes.
        replies: in place of the endpoints' own, by a part of the prompt.
        stop_reason: of each reply.
        harms: category and probability of a prompt, by a part of it; blocked as the request's safety settings say.
        prompt_attacks: parts of prompts that Model Armor blocks, where the request names a template.
        judge_refuses: the judge's reasons to refuse, by a part of question or answer; it allows all else.
        judge_reply: the judge's whole reply in place of that, where it is set.
        calls: number of calls by method.
        requests: the requests for answers.
        judge_requests: the requests to the judge.
    """

    def __init__(self, storage: Storage, port: int = 0):
        self.storage = storage
        self.states = [JobState.JOB_STATE_PENDING, JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_SUCCEEDED]
        self.job_error = ""
        self.failures: dict[str, list[tuple[grpc.StatusCode, str]]] = defaultdict(list)
        self.delay = 0.0
        self.replies: dict[str, str] = {}
        self.harms: dict[str, tuple[HarmCategory, SafetyRating.HarmProbability]] = {}
        self.prompt_attacks: list[str] = []
        self.judge_refuses: dict[str, str] = {}
        self.judge_reply: str | None = None
        self.stop_reason = Candidate.FinishReason.STOP
        self.calls: dict[str, int] = defaultdict(int)
        self.requests: list[GenerateContentRequest] = []
        self.judge_requests: list[GenerateContentRequest] = []
        self.jobs: dict[str, TuningJob] = {}
        self._ahead: dict[str, list[int]] = {}
        self._examples: dict[str, list[tuple[set[str], str]]] = {}
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(32))
        tuning = {
            "CreateTuningJob": (self._create, CreateTuningJobRequest, TuningJob.serialize),
            "GetTuningJob": (self._get, GetTuningJobRequest, TuningJob.serialize),
            "ListTuningJobs": (self._list, ListTuningJobsRequest, ListTuningJobsResponse.serialize),
            "CancelTuningJob": (self._cancel, CancelTuningJobRequest, Empty.SerializeToString),
        }
        answers = {"GenerateContent": (self._generate, GenerateContentRequest, GenerateContentResponse.serialize)}
        for service, methods in (("GenAiTuningService", tuning), ("PredictionService", answers)):
            handlers = {name: self._handler(name, *method) for name, method in methods.items()}
            generic = grpc.method_handlers_generic_handler(f"{PACKAGE}.{service}", handlers)
            self._server.add_generic_rpc_handlers((generic,))
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def _handler(self, method: str, answer, request_type, serialize):
        def handle(request, context):
            name = "Judge" if method == "GenerateContent" and _is_judge(request) else method
            with self._lock:
                self.calls[name] += 1
                failure = self.failures[name].pop(0) if self.failures[name] else None
            if failure:
                context.abort(*failure)
            return answer(request, context)

        return grpc.unary_unary_rpc_method_handler(handle, request_type.deserialize, serialize)

    def _create(self, request: CreateTuningJobRequest, context) -> TuningJob:
        job: Any = request.tuning_job  # fields of proto-plus take numbers and datetimes, which its types do not say
        spec = job.supervised_tuning_spec
        if job.base_model not in BASE_MODELS:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Base model {job.base_model} is not supported.")
        found = [self.storage.read(uri) for uri in (spec.training_dataset_uri, spec.validation_dataset_uri)]
        if None in found:
            context.abort(grpc.StatusCode.NOT_FOUND, "The dataset was not found in Cloud Storage.")
        data = [content or b"" for content in found]
        examples = []
        for line in b"".join(data).decode().splitlines():
            record = json.loads(line)
            roles = [turn["role"] for turn in record["contents"]]
            if roles != ["user", "model"] or not record["systemInstruction"]["parts"][0]["text"]:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"A line has the roles {roles}.")
        for line in data[0].decode().splitlines():
            question, answer = (turn["parts"][0]["text"] for turn in json.loads(line)["contents"])
            examples.append((_words(question), answer))
        with self._lock:
            number = len(self.jobs) + 1
            job.name = f"{request.parent}/tuningJobs/{number}"
            job.state, job.create_time = self.states[0], datetime.now(UTC)
            self.jobs[job.name], self._ahead[job.name] = job, list(self.states[1:])
            self._examples[f"{request.parent}/endpoints/{number}"] = examples
            job.tuning_data_stats.supervised_tuning_data_stats.total_billable_token_count = len(data[0]) // 4
        return job

    def _get(self, request: GetTuningJobRequest, context) -> TuningJob:
        job: Any = self._found(request.name, context)
        with self._lock:
            if self._ahead[job.name]:
                job.state = self._ahead[job.name].pop(0)
        if job.state == JobState.JOB_STATE_SUCCEEDED:
            place = job.name.replace("/tuningJobs/", "/endpoints/")
            job.tuned_model = TunedModel(model=f"{place.replace('/endpoints/', '/models/')}@1", endpoint=place)
        if job.state == JobState.JOB_STATE_FAILED:
            job.error.message = self.job_error
        return job

    def _list(self, request: ListTuningJobsRequest, context) -> ListTuningJobsResponse:
        with self._lock:
            jobs = [job for name, job in self.jobs.items() if name.startswith(request.parent)]
        start = int(request.page_token or 0)  # pages of two, so that the client must turn them
        more = str(start + 2) if start + 2 < len(jobs) else ""
        return ListTuningJobsResponse(tuning_jobs=jobs[::-1][start : start + 2], next_page_token=more)

    def _cancel(self, request: CancelTuningJobRequest, context) -> Empty:
        job: Any = self._found(request.name, context)
        with self._lock:
            job.state, self._ahead[job.name] = JobState.JOB_STATE_CANCELLED, []
        return Empty()

    def _found(self, name: str, context) -> TuningJob:
        if name not in self.jobs:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{name} was not found.")
        return self.jobs[name]

    def _generate(self, request: GenerateContentRequest, context) -> GenerateContentResponse:
        judge = _is_judge(request)
        (self.judge_requests if judge else self.requests).append(request)
        time.sleep(self.delay)
        question = request.contents[-1].parts[0].text
        examples = self._examples.get(request.model)
        if examples is None and not request.model.split("/models/")[-1].startswith(BASE_MODELS):
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.model} was not found.")
        if blocked := self._blocked(request, question):
            feedback = GenerateContentResponse.PromptFeedback(block_reason=blocked)
            response = GenerateContentResponse(prompt_feedback=feedback)
            response.usage_metadata.prompt_token_count = len(question) // 4 + 200
            return response
        scripted = (
            self._verdict(question)
            if judge
            else next((text for part, text in self.replies.items() if part in question), None)
        )
        text = scripted if scripted is not None else _nearest(question, examples) if examples else BASE_ANSWER
        thinking = request.generation_config.thinking_config.thinking_budget
        place = request.model.replace("/endpoints/", "/tuningJobs/")
        base = self.jobs[place].base_model if place in self.jobs else request.model
        if base.endswith("gemini-2.5-pro") and not thinking:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Thinking can't be disabled for this model.")
        answer = GenerateContentResponse(
            candidates=[
                Candidate(
                    content=Content(role="model", parts=[Part(text=text)]),
                    finish_reason=Candidate.FinishReason.STOP if judge else self.stop_reason,
                )
            ]
        )
        answer.usage_metadata.prompt_token_count = len(question) // 4 + 200
        answer.usage_metadata.candidates_token_count = len(text) // 4
        answer.usage_metadata.thoughts_token_count = thinking
        return answer

    def _blocked(self, request: GenerateContentRequest, prompt: str):
        """The reason to block a prompt, by the request's safety settings and Model Armor template, or None."""
        for part, (category, probability) in self.harms.items():
            thresholds = [one.threshold for one in request.safety_settings if one.category == category]
            if part in prompt and any(probability >= LOWEST_BLOCKED[threshold] for threshold in thresholds):
                return GenerateContentResponse.PromptFeedback.BlockedReason.SAFETY
        if request.model_armor_config.prompt_template_name and any(part in prompt for part in self.prompt_attacks):
            return GenerateContentResponse.PromptFeedback.BlockedReason.MODEL_ARMOR
        return None

    def _verdict(self, chat: str) -> str:
        if self.judge_reply is not None:
            return self.judge_reply
        texts = " ".join(json.loads(chat).values())
        reason = next((reason for part, reason in self.judge_refuses.items() if part in texts), "none")
        return json.dumps({"verdict": "allowed" if reason == "none" else "refuse", "reason": reason})


def _is_judge(request: GenerateContentRequest) -> bool:
    return request.generation_config.response_mime_type == "application/json"


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _nearest(question: str, examples: list[tuple[set[str], str]]) -> str:
    words = _words(question)
    return max(examples, key=lambda example: len(words & example[0]) / len(words | example[0]))[1]
