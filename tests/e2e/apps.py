"""Small apps, each quick to build: what they answer is in their source."""

Files = dict[str, str]


def script(body: str = "hello", before: str = "", address: str = "0.0.0.0") -> Files:
    """A plain Python script on the standard library; `before` runs before it listens."""
    return {
        "main.py": (
            "import os, signal, sys, threading, time\n"
            "from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n"
            f"BODY = {body!r}\n"
            f"{before}\n"
            "class Handler(BaseHTTPRequestHandler):\n"
            "    protocol_version = 'HTTP/1.1'\n"
            "    def do_GET(self):\n"
            "        if self.path == '/slow':\n"
            "            time.sleep(1)\n"
            "        status = 500 if self.path == '/broken' else 200\n"
            "        self.send_response(status)\n"
            "        self.send_header('Content-Length', str(len(BODY)))\n"
            "        self.end_headers()\n"
            "        self.wfile.write(BODY.encode())\n"
            "    def log_message(self, *args):\n"
            "        pass\n"
            "class Server(ThreadingHTTPServer):\n"
            "    daemon_threads = False\n"
            "    request_queue_size = 128\n"
            f"server = Server(({address!r}, int(os.environ['PORT'])), Handler)\n"
            "signal.signal(signal.SIGTERM,"
            " lambda *_: threading.Thread(target=server.shutdown).start())\n"
            "print('listening', flush=True)\n"
            "server.serve_forever()\n"
            "server.server_close()\n"
        ),
        "requirements.txt": "",
    }


FLASK: Files = {
    "app.py": (
        "from flask import Flask\n"
        "app = Flask(__name__)\n"
        "@app.get('/')\n"
        "def hello():\n"
        "    return 'flask says hello'\n"
    ),
    "requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n",
}

NODE: Files = {
    "package.json": '{"name": "n", "version": "1.0.0", "scripts": {"start": "node server.js"},'
    ' "dependencies": {"ms": "2.1.3"}}',
    "server.js": (
        "const ms = require('ms');\n"
        "require('http').createServer((q, r) => r.end('node says ' + ms('1s')))"
        ".listen(process.env.PORT, '0.0.0.0');\n"
    ),
}

STATIC: Files = {"index.html": "<h1>static says hello</h1>", "style.css": "h1 { color: teal }"}

GO: Files = {
    "go.mod": "module example.org/hello\n\ngo 1.22\n",
    "main.go": (
        "package main\n\n"
        'import (\n\t"fmt"\n\t"net/http"\n\t"os"\n)\n\n'
        "func main() {\n"
        '\thttp.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {\n'
        '\t\tfmt.Fprint(w, "go says hello")\n\t})\n'
        '\tpanic(http.ListenAndServe("0.0.0.0:"+os.Getenv("PORT"), nil))\n'
        "}\n"
    ),
}
