"""A world on 127.0.0.1 that misbehaves: it is busy, fails, dawdles, cuts connections and answers nonsense, at stated rates. It
counts what took effect, and keeps an effect with an idempotency key to one."""
import collections
import http.server
import json
import random
import socket
import struct
import threading
import time

# Fault -> of 1,000 requests.
FAULTS = {"busy": 20, "error": 20, "slow": 20, "hang": 10, "cut_before": 10, "cut_within": 10, "garbage": 10}
SLOW_SECONDS = 0.5


class FaultyWorld:
    """POST /<name>: an effect. POST /v1/chat/completions: a model that charges an order, looks twice, and is done."""

    def __init__(self, seed, hang_seconds):
        self.lock = threading.Lock()
        self.random = random.Random(seed)
        self.hang_seconds = hang_seconds  # longer than whoever asks waits
        self.down = set()  # names that fail whatever is asked of them
        self.asked = set()  # keys that came at all
        self.keyed = {}  # key -> (name, order), as it took effect first
        self.other_use = []  # a key came for something else
        self.unkeyed = collections.Counter()  # (name, order) -> effects
        self.requests = collections.Counter()  # by name
        self.repeated = 0  # requests under a key that had had its effect
        self.faults = collections.Counter()
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # one segment for an answer: nobody waits for a delayed acknowledgement

            def do_POST(self):
                try:
                    body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"null")
                    world.serve(self, self.path.rsplit("/", 1)[1], self.headers.get("Idempotency-Key"), body)
                except (OSError, ValueError):
                    self.close_connection = True  # whoever asked is gone

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def draw(self, name):
        if name in self.down:
            return "error"
        at = self.random.randrange(1000)
        for fault, share in FAULTS.items():
            at -= share
            if at < 0:
                return fault
        return None

    def serve(self, handler, name, key, body):
        with self.lock:
            self.requests[name] += 1
            if key:
                self.asked.add(key)
            fault = self.draw(name)
            self.faults[fault or "none"] += 1
            # Half of what fails has happened all the same; a busy server has not begun.
            if fault != "busy" and (fault in (None, "slow") or self.random.random() < 0.5):
                self.take_effect(name, key, body)
        if fault in ("slow", "hang"):
            time.sleep(SLOW_SECONDS if fault == "slow" else self.hang_seconds)
        if fault == "cut_before":
            return self.cut(handler)
        if fault == "busy":
            retry_after = "0" if name == "completions" else "1"
            return self.send(handler, 429, b'{"error": {"message": "busy"}}', {"Retry-After": retry_after})
        if fault == "error":
            return self.send(handler, 500, b'{"error": {"message": "out of order"}}')
        answer = completion(body) if name == "completions" else {"done": True, "order": body.get("order")}
        data = json.dumps(answer).encode()
        if fault == "garbage":
            data = data[: len(data) // 2] + b"<!>"
        if fault == "cut_within":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[: len(data) // 2])
            handler.wfile.flush()
            return self.cut(handler)
        self.send(handler, 200, data)

    def take_effect(self, name, key, body):
        if name == "completions":
            return
        order = body.get("order")
        if not key:
            self.unkeyed[name, order] += 1
        elif key not in self.keyed:
            self.keyed[key] = (name, order)
        else:
            self.repeated += 1
            if self.keyed[key] != (name, order):
                self.other_use.append((key, self.keyed[key], (name, order)))

    def send(self, handler, status, data, headers=None):
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for header, value in (headers or {}).items():
            handler.send_header(header, value)
        handler.end_headers()
        handler.wfile.write(data)

    def cut(self, handler):
        """RST instead of FIN half of the time."""
        if self.random.random() < 0.5:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


def completion(request):
    """What it says depends on nothing but the conversation."""
    turns = sum(m["role"] == "assistant" for m in request["messages"])
    said = next(m["content"] for m in request["messages"] if m["role"] == "user")
    order = json.loads(said.rsplit("\n\n", 1)[1])["order"]
    calls = [[("charge", "c")], [("look", "x"), ("look", "y")], []][min(turns, 2)]
    message = {"role": "assistant", "content": None if calls else "Charged " + order}
    if calls:
        message["tool_calls"] = [
            {"id": f"t{turns}{text}", "type": "function",
             "function": {"name": name, "arguments": json.dumps({"order": order, "text": text})}} for name, text in calls]
    return {"id": "x", "object": "chat.completion", "model": "fake", "created": 1,
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}}
