"""A Redis of the benchmark's own, filled anew for every run, and somebody who pings it meanwhile."""

import shutil
import socket
import subprocess
import threading
import time

FILL = """for i = 1, ARGV[1] do
  local kind = i % 4
  if kind == 0 then redis.call('HSET', 'vedfolnir:session:' .. i, 'user_id', i % 1000)
  elseif kind == 1 then redis.call('SET', 'vedfolnir:cache:' .. i, 'x')
  elseif kind == 2 then redis.call('SET', 'vedfolnir:tasks:user:' .. (i % 1000) .. ':' .. i, 'x')
  else redis.call('SET', 'platform_stats:' .. (i % 1000) .. ':' .. i, 'x') end
end"""


class Client:
    """Speaks just enough of the protocol: every answer is read whole."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def call(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = [b"*%d\r\n" % len(words)] + [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
        self.socket.sendall(b"".join(parts))
        return self.answer()

    def answer(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise OSError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest


class Server:
    def __init__(self, place):
        self.path = str(place / "redis.sock")
        words = ["--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", str(place)]
        self.process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.client = Client(self.path)
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the redis-server of the benchmark does not start")

    @staticmethod
    def is_there():
        return shutil.which("redis-server") is not None

    def fill(self, keys):
        self.client.call("FLUSHALL")
        self.client.call("EVAL", FILL, 0, keys)
        self.client.call("CONFIG", "RESETSTAT")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def reads(self):
        """How often a value was read since the last filling."""
        stats = self.client.call("INFO", "commandstats").decode()
        lines = [line.split(":") for line in stats.splitlines() if line.startswith("cmdstat_")]
        calls = {name[8:]: int(rest.split(",")[0].split("=")[1]) for name, rest in lines}
        return sum(calls.get(name, 0) for name in ["get", "hget", "hmget", "hgetall", "mget"])


class Pinger:
    """The longest wait for an answer to PING while something else works, in seconds."""

    def __init__(self, server):
        self.client = Client(server.path)
        self.longest = 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ping)

    def ping(self):
        while not self.over.is_set():
            start = time.perf_counter()
            self.client.call("PING")
            self.longest = max(self.longest, time.perf_counter() - start)
            time.sleep(0.0005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def delete_by_keys(path):
    """KEYS and DEL, as the program that this one replaces does it."""
    client = Client(path)
    for pattern in ["vedfolnir:*", "platform_stats:*"]:
        keys = client.call("KEYS", pattern)
        for start in range(0, len(keys), 100_000):
            client.call("DEL", *keys[start:start + 100_000])


if __name__ == "__main__":
    import sys
    delete_by_keys(sys.argv[1])
