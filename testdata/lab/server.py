"""The server program, run in the pod's namespace: answers as the request's headers ask, and keeps a record.

Arguments: the address to listen on and the file for the record. Prints one line when it listens. When its standard
input ends it writes one JSON line per connection and event to the file and exits.
"""

import asyncio
import json
import socket
import sys
import time

from dialogue import Reader, prepare, text
from tcp_repair import initial_sequence_numbers
from topology import POD_PORT, endpoint

# A computing server must not leave its acknowledgement to the delayed-ACK timer: the kernel shall say at once that
# the request has arrived, so that only the answer is late.
ACKNOWLEDGE_AT_ONCE_FROM_S = 0.05

events = []


def note(connection_id, event, **more):
    events.append({"id": connection_id, "event": event, "at_ns": time.time_ns(), **more})


async def serve(sock):
    loop = asyncio.get_running_loop()
    prepare(sock)
    own_isn, peer_isn = initial_sequence_numbers(sock)
    ends = {
        "peer": endpoint(*sock.getpeername()[:2]),
        "own": endpoint(*sock.getsockname()[:2]),
        "peer_isn": peer_isn,
        "own_isn": own_isn,
    }
    reader, connection_id, wants_close = Reader(sock), None, False
    try:
        while not wants_close:
            fields = await reader.request()
            is_first, connection_id = connection_id is None, int(fields["x-connection"])
            if is_first:
                note(connection_id, "accepted", **ends)
            note(connection_id, "received")
            wants_close = fields["connection"] == "close"
            think_s = int(fields["x-think-ms"]) / 1000
            if think_s >= ACKNOWLEDGE_AT_ONCE_FROM_S:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if think_s:
                await asyncio.sleep(think_s)
            note(connection_id, "answering")
            await answer(loop, sock, fields)
            note(connection_id, "answered")
        sock.shutdown(socket.SHUT_WR)
        await reader.end()
        note(connection_id, "closed")
    except EOFError:
        note(connection_id, "closed")
    except OSError as error:
        note(connection_id, "failed", error=type(error).__name__)
    finally:
        sock.close()


async def answer(loop, sock, fields):
    size, chunks = int(fields["x-answer-bytes"]), int(fields["x-chunks"])
    head = "HTTP/1.1 200 OK\r\nServer: shop\r\nContent-Type: text/plain\r\n"
    if chunks == 1:
        await loop.sock_sendall(sock, f"{head}Content-Length: {size}\r\n\r\n".encode() + text(size))
        return
    part = text(size // chunks)
    chunk = f"{len(part):x}\r\n".encode() + part + b"\r\n"
    await loop.sock_sendall(sock, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
    for left in reversed(range(chunks - 1)):
        await asyncio.sleep(int(fields["x-chunk-gap-ms"]) / 1000)
        await loop.sock_sendall(sock, chunk if left else chunk + b"0\r\n\r\n")


async def main(address, record):
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, POD_PORT), family=family, backlog=4096)
    listener.setblocking(False)
    print("listening", flush=True)
    tasks = set()

    async def accept():
        while True:
            sock, _ = await loop.sock_accept(listener)
            task = loop.create_task(serve(sock))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    accepting = loop.create_task(accept())
    await loop.run_in_executor(None, sys.stdin.read)
    with open(record, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(event) + "\n" for event in events)
    accepting.cancel()
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
