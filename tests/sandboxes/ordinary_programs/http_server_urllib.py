# callee: urllib.request.urlopen
import http.server
import json
import threading
import urllib.error
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/data":
            self.send_error(404, "no such page")
            return
        body = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, form, *args):
        print("log", form % args)


server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://localhost:{server.server_port}"
with urllib.request.urlopen(f"{address}/data", timeout=5) as response:
    print(response.status, response.headers["Content-Type"], json.load(response))
print(urllib.request.urlopen(address, data=b"abc", timeout=5).read())
try:
    urllib.request.urlopen(f"{address}/missing", timeout=5)
except urllib.error.HTTPError as error:
    print(error.code, error.reason)
server.shutdown()
server.server_close()
try:
    urllib.request.urlopen(address.replace("localhost", "127.0.0.1"), timeout=5)
except urllib.error.URLError as error:
    print(type(error.reason).__name__)
