"""A world on 127.0.0.1 for a daemon to act upon: it does what it is asked for, once a key, and remembers all of it."""
import http.server
import json
import random
import threading
import time


class World:
    """POST /<name>: an effect. POST /v1/chat/completions: the next of `script`, as a server that speaks OpenAI's protocol."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []  # (name, key, body), as they came
        self.effects = {}  # key or a number of its own -> (name, body)
        self.prompts = []  # of the model
        self.script = []  # answers of the model
        self.delay = lambda name: 0.0  # seconds, after the effect and before the answer
        self.status = lambda name: 200
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # one segment for an answer: nobody waits for a delayed acknowledgement

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"null")
                try:
                    status, answer = world.act(self.path, self.headers, body)
                    data = json.dumps(answer).encode()
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # whoever asked is gone

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass  # connections of a process that was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def act(self, path, headers, body):
        if path.endswith("/chat/completions"):
            with self.lock:
                self.prompts.append((dict(headers), body))
                answer = self.script.pop(0) if self.script else {"content": "nothing more"}
            time.sleep(self.delay("model"))
            return 200, completion(answer)
        name = path.strip("/")
        key = headers.get("Idempotency-Key")
        status = self.status(name)
        with self.lock:
            self.requests.append((name, key, body))
            if status < 400:
                self.effects.setdefault(key or f"request {len(self.requests)}", (name, body))
        time.sleep(self.delay(name))
        return status, {"done": True, "order": body.get("order") if body else None}

    def of(self, name, order=None):
        with self.lock:
            return [(k, b) for k, (n, b) in self.effects.items() if n == name and (order is None or b.get("order") == order)]


def completion(answer):
    message = {"role": "assistant", "content": answer.get("content")}
    if "calls" in answer:
        message["tool_calls"] = [
            {"id": f"call_{random.randrange(10**9)}", "type": "function",
             "function": {"name": c["name"], "arguments": json.dumps(c["args"])}} for c in answer["calls"]]
    return {"id": "x", "object": "chat.completion", "model": "fake", "created": 1,
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if "calls" in answer else "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}}
