"""The text protocol of the lab: HTTP/1.1 as far as its two programs need it.

The client tells the server in headers how to answer (`X-Think-Ms`, `X-Answer-Bytes`, …), so the server needs no plan,
and names itself in `X-Connection`, which is how the two ends' records of one connection are joined.
"""

import asyncio
import socket

SENTENCE = b"The warehouse has accepted the order and will ship it with the next lorry. "
RECEIPT = b"RECEIPT\r\n"


def text(size):
    """Repetitive, so that captures compress well."""
    return (SENTENCE * (size // len(SENTENCE) + 1))[:size]


def request_bytes(connection_id, request):
    """A request as the plan describes it (see plan.request)."""
    upload = request["upload"]
    lines = [
        f"{'POST' if upload else 'GET'} /{request['name']} HTTP/1.1",
        "Host: shop.default.svc.cluster.local",
        f"X-Connection: {connection_id}",
        f"X-Think-Ms: {round(request['think_s'] * 1000)}",
        f"X-Answer-Bytes: {request['answer']}",
        f"X-Chunks: {request['chunks']}",
        f"X-Chunk-Gap-Ms: {round(request['chunk_gap_s'] * 1000)}",
        f"Connection: {'close' if request['server_closes'] else 'keep-alive'}",
    ]
    if upload:
        lines.append(f"Content-Length: {upload}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text(upload)


def prepare(sock):
    """What both programs want of their sockets, whatever the machine's defaults are."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")


def parse_head(head):
    """First line and headers (names in lower case)."""
    first, *rest = head.decode().split("\r\n")
    return first, {name.lower(): value for name, value in (line.split(": ", 1) for line in rest if line)}


class Reader:
    """Buffered reading from a non-blocking socket. End of stream is an EOFError."""

    def __init__(self, sock):
        self._sock = sock
        self._buffer = b""

    async def until(self, mark):
        while mark not in self._buffer:
            await self._more()
        found, self._buffer = self._buffer.split(mark, 1)
        return found

    async def exactly(self, size):
        while len(self._buffer) < size:
            await self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    async def request(self):
        """Head fields of the next request. Its body and receipts before it are read and thrown away."""
        head = await self.until(b"\r\n\r\n")
        while head.startswith(RECEIPT):
            head = head[len(RECEIPT):]
        _, fields = parse_head(head)
        await self.exactly(int(fields.get("content-length", 0)))
        return fields

    async def answer(self):
        """One whole answer, counted or chunked."""
        _, fields = parse_head(await self.until(b"\r\n\r\n"))
        if "content-length" in fields:
            await self.exactly(int(fields["content-length"]))
            return
        while size := int(await self.until(b"\r\n"), 16):
            await self.exactly(size + 2)
        await self.exactly(2)

    async def end(self):
        """Reads to the end of the stream."""
        try:
            while True:
                await self._more()
        except EOFError:
            return

    async def _more(self):
        more = await asyncio.get_running_loop().sock_recv(self._sock, 65536)
        if not more:
            raise EOFError
        self._buffer += more
