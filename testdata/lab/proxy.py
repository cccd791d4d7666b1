"""A proxy between client and server, run on the host between them. Its two sides are TCP connections of their own.

Arguments: `tcp` or `http`, where to listen, where the server is, and the file for the record.

tcp   one connection to the server for each of the clients'; bytes are passed on as they are
http  requests and answers get headers (X-Forwarded-For, Via, Connection); connections to the server are kept and
      carry the requests of many clients

Prints "ready" when it listens. When its standard input ends it writes its connections to the server, and whose requests
each carried, and exits.
"""

import asyncio
import json
import socket
import sys

from dialogue import Reader, parse_head, prepare
from tcp_repair import initial_sequence_numbers
from topology import POD_PORT, SERVICE_PORT, endpoint

PASSED_AT_ONCE = 2048
KEPT_IDLE_S = 0.1

backs = []


class Back:
    """A connection to the server."""

    def __init__(self, sock):
        own, peers = initial_sequence_numbers(sock)
        self.sock, self.reader = sock, Reader(sock)
        self.told = {
            "own": endpoint(*sock.getsockname()),
            "peer": endpoint(*sock.getpeername()),
            "own_isn": own,
            "peer_isn": peers,
            "fronts": [],
        }
        backs.append(self.told)

    @classmethod
    async def open(cls, server):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        prepare(sock)
        await asyncio.get_running_loop().sock_connect(sock, (server, POD_PORT))
        return cls(sock)

    def carries(self, front):
        name = endpoint(*front.getpeername())
        if name not in self.told["fronts"]:
            self.told["fronts"].append(name)


async def pass_on(front, server):
    """TCP mode."""
    back = await Back.open(server)
    back.carries(front)
    await asyncio.gather(_copy(front, back.sock), _copy(back.sock, front), return_exceptions=True)
    back.sock.close()
    front.close()


async def _copy(source, target):
    loop = asyncio.get_running_loop()
    while piece := await loop.sock_recv(source, PASSED_AT_ONCE):
        await loop.sock_sendall(target, piece)
    target.shutdown(socket.SHUT_WR)


class Pool:
    """Connections to the server that no request is using."""

    def __init__(self, server):
        self._server = server
        self._idle = []

    async def take(self):
        if self._idle:
            back, closing = self._idle.pop(0)
            closing.cancel()
            return back
        return await Back.open(self._server)

    def give(self, back):
        closing = asyncio.get_running_loop().call_later(KEPT_IDLE_S, self._close, back)
        self._idle.append((back, closing))

    def _close(self, back):
        self._idle = [(one, closing) for one, closing in self._idle if one is not back]
        back.sock.close()


async def answer_requests(front, pool):
    """HTTP mode."""
    loop, reader = asyncio.get_running_loop(), Reader(front)
    try:
        closes = False
        while not closes:
            first, fields = parse_head(await reader.until(b"\r\n\r\n"))
            body = await reader.exactly(int(fields.get("content-length", 0)))
            closes = fields["connection"] == "close"
            fields |= {"connection": "keep-alive", "x-forwarded-for": front.getpeername()[0], "via": "1.1 proxy"}
            back = await pool.take()
            back.carries(front)
            await loop.sock_sendall(back.sock, _head(first, fields) + body)
            await _pass_answer(back.reader, front, closes)
            pool.give(back)
        front.shutdown(socket.SHUT_WR)
        await reader.end()
    except EOFError:
        pass
    finally:
        front.close()


async def _pass_answer(reader, front, closes):
    loop = asyncio.get_running_loop()
    first, fields = parse_head(await reader.until(b"\r\n\r\n"))
    fields |= {"via": "1.1 proxy", "connection": "close" if closes else "keep-alive"}
    body = await reader.exactly(int(fields.get("content-length", 0)))
    await loop.sock_sendall(front, _head(first, fields) + body)
    if "transfer-encoding" not in fields:
        return
    size = None
    while size != 0:
        line = await reader.until(b"\r\n")
        size = int(line, 16)
        await loop.sock_sendall(front, line + b"\r\n" + await reader.exactly(size + 2))


def _head(first, fields):
    names = (f"{name.title()}: {value}" for name, value in fields.items())
    return "\r\n".join([first, *names]).encode() + b"\r\n\r\n"


async def main(mode, address, server, record):
    loop = asyncio.get_running_loop()
    listener = socket.create_server((address, SERVICE_PORT), backlog=4096)
    listener.setblocking(False)
    pool, tasks = Pool(server), set()
    print("ready", flush=True)

    async def accept():
        while True:
            front, _ = await loop.sock_accept(listener)
            prepare(front)
            tasks.add(loop.create_task(pass_on(front, server) if mode == "tcp" else answer_requests(front, pool)))

    accepting = loop.create_task(accept())
    await loop.run_in_executor(None, sys.stdin.read)
    with open(record, "w", encoding="utf-8") as out:
        json.dump(backs, out)
    for task in (accepting, *tasks):
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
