"""Cloud Storage's JSON API for uploads: multipart and resumable, preconditions, checksums, and errors on demand."""

import base64
import json
import re
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

CUT = 0  # in place of a status: the connection ends without an answer


class Storage:
    """Buckets in memory. ``failures`` holds statuses that the next requests get, in their order."""

    def __init__(self, *buckets: str):
        self.objects: dict[str, dict[str, bytes]] = {bucket: {} for bucket in buckets}
        self.failures: list[int] = []
        self.requests: list[str] = []
        self._sessions: dict[str, tuple[str, dict, bytearray]] = {}
        storage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                storage.send(self)

            def do_POST(self):
                storage.receive(self)

            do_PUT = do_POST

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def read(self, uri: str) -> bytes | None:
        """The object at a gs:// address."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self.objects.get(bucket, {}).get(name)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def send(self, request: BaseHTTPRequestHandler) -> None:
        """Answer the download of an object."""
        address = urlsplit(request.path)
        self.requests.append(f"GET {address.path}")
        found = re.fullmatch(r"/download/storage/v1/b/([^/]+)/o/(.+)", address.path)
        content = self.objects.get(unquote(found[1]), {}).get(unquote(found[2])) if found else None
        if found and self.failures:  # not those of the client's own look at the bucket, which may fail
            status = self.failures.pop(0)
            self._reply(request, status, {"error": {"code": status, "message": f"injected {status}"}})
        elif content is None:
            self._reply(request, 404, {"error": {"code": 404, "message": f"No such object: {address.path}"}})
        else:
            request.send_response(200)
            request.send_header("Content-Length", str(len(content)))
            request.send_header("Content-Type", "application/octet-stream")
            request.end_headers()
            request.wfile.write(content)

    def receive(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        address = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.requests.append(f"{request.command} {query.get('uploadType', address.path)}")
        if self.failures:
            status = self.failures.pop(0)
            if status == CUT:
                request.close_connection = True
                request.connection.close()
                return
            self._reply(request, status, {"error": {"code": status, "message": f"injected {status}"}})
            return
        found = re.fullmatch(r"/upload/storage/v1/b/([^/]+)/o", address.path)
        if not found:
            self._reply(request, 404, {"error": {"code": 404, "message": f"no {address.path}"}})
            return
        bucket = unquote(found[1])
        if bucket not in self.objects:
            self._reply(request, 404, {"error": {"code": 404, "message": "The specified bucket does not exist."}})
        elif query.get("uploadType") == "multipart":
            head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
            about, content = (
                part.get_payload(decode=True)
                for part in message_from_bytes(head + body).walk()
                if not part.is_multipart()
            )
            assert isinstance(about, bytes) and isinstance(content, bytes)
            self._store(request, bucket, json.loads(about), content, query)
        elif "upload_id" in query:
            _, about, so_far = self._sessions[query["upload_id"]]
            so_far += body
            total = request.headers["Content-Range"].rpartition("/")[2]
            if total != "*" and len(so_far) >= int(total):
                self._store(request, bucket, about, bytes(so_far), query)
            else:
                self._reply(request, 308, None, {"Range": f"bytes=0-{len(so_far) - 1}"})
        else:
            session = f"s{len(self._sessions)}"
            self._sessions[session] = (bucket, json.loads(body), bytearray())
            place = f"{self.url}{request.path}&upload_id={session}"
            self._reply(request, 200, None, {"Location": place})

    def _store(self, request, bucket: str, about: dict, content: bytes, query: dict) -> None:
        name = about["name"]
        crc = base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
        if query.get("ifGenerationMatch") == "0" and name in self.objects[bucket]:
            self._reply(request, 412, {"error": {"code": 412, "message": "conditionNotMet"}})
        elif about.get("crc32c", crc) != crc:
            self._reply(request, 400, {"error": {"code": 400, "message": "crc32c does not match"}})
        else:
            self.objects[bucket][name] = content
            self._reply(request, 200, {"name": name, "bucket": bucket, "size": str(len(content)), "crc32c": crc})

    def _reply(self, request, status: int, content: dict | None, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode() if content is not None else b""
        request.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
