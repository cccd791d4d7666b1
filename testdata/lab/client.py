"""The client program, run in the client's namespace: carries out a plan of connections and keeps a record.

Arguments: the plan (JSON, see plan.py) and the file for the record. The plan starts when this program prints "go";
it prints "done" when the plan's time is over, still holding the connections that wait for an answer, and exits when its
standard input ends.
"""

import asyncio
import json
import socket
import struct
import sys
import time

from dialogue import RECEIPT, Reader, prepare, request_bytes
from tcp_repair import initial_sequence_numbers
from topology import endpoint

LEAD_IN_S = 0.3
RECEIPT_EVERY_S = 0.02


class GaveUp(Exception):
    """The application's own patience ended before the answer came."""


class Conversation:
    """One connection: the socket, what is to be done with it, and what became of it."""

    def __init__(self, planned, service, start):
        self._planned = planned
        self._service = service
        self._start = start
        self._sock = None
        self._reader = None
        self.record = {"id": planned["id"], "answers": 0, "end": "not started"}

    async def run(self):
        loop = asyncio.get_running_loop()
        await self._until(self._planned["start"])
        try:
            await self._connect(loop)
            for name, argument in self._planned["steps"]:
                await getattr(self, f"_do_{name}")(argument)
            self._sock.close()
            self.record |= {"end": "finished", "closed_ns": time.time_ns()}
        except GaveUp:
            self._leave_early()
        except (OSError, EOFError) as error:
            self.record["end"] = type(error).__name__
            self._sock.close()

    async def _connect(self, loop):
        family, anywhere = (socket.AF_INET6, "::") if ":" in self._service[0] else (socket.AF_INET, "0.0.0.0")
        sock = socket.socket(family, socket.SOCK_STREAM)
        prepare(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, self._planned["reuses_port"])
        sock.bind((anywhere, self._planned["port"]))
        if self._planned["keepalive_s"]:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self._planned["keepalive_s"])
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, self._planned["keepalive_s"])
        self._sock, self._reader = sock, Reader(sock)
        self.record["connecting_ns"] = time.time_ns()
        await loop.sock_connect(sock, self._service)
        own, peers = initial_sequence_numbers(sock)
        # The repair options switch it off.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, self._planned["reuses_port"])
        self.record |= {
            "connected_ns": time.time_ns(),
            "orig": endpoint(*sock.getsockname()[:2]),
            "resp": endpoint(*sock.getpeername()[:2]),
            "orig_isn": own,
            "resp_isn": peers,
            "end": "waiting",
        }

    async def _do_requests(self, requests):
        """Sends the requests in one go, then reads their answers."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._sock, b"".join(request_bytes(self._planned["id"], one) for one in requests))
        for one in requests:
            receipts = loop.create_task(self._send_receipts()) if one["receipts"] else None
            try:
                await asyncio.wait_for(self._reader.answer(), one["patience_s"])
            except TimeoutError as error:
                raise GaveUp from error
            finally:
                if receipts:
                    receipts.cancel()
            self.record["answers"] += 1

    async def _send_receipts(self):
        """Keeps the connection busy both ways while an answer arrives."""
        while True:
            await asyncio.sleep(RECEIPT_EVERY_S)
            await asyncio.get_running_loop().sock_sendall(self._sock, RECEIPT)

    async def _do_send_and_half_close(self, one):
        """Says "this was all" and then waits for the answer."""
        await asyncio.get_running_loop().sock_sendall(self._sock, request_bytes(self._planned["id"], one))
        self._sock.shutdown(socket.SHUT_WR)
        await self._reader.answer()
        self.record["answers"] += 1
        await self._reader.end()

    async def _do_pause(self, seconds):
        await asyncio.sleep(seconds)

    async def _do_until(self, moment):
        await self._until(moment)

    async def _do_reset(self, _):
        self._close_with_reset()

    async def _do_await_end(self, _):
        """Lets the server close first."""
        await self._reader.end()

    def _leave_early(self):
        self.record["end"] = "gave up"
        if self._planned["gives_up_by"] == "reset":
            self._close_with_reset()
        self._sock.close()

    def _close_with_reset(self):
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    async def _until(self, moment):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._start + moment - loop.time()))


async def main(plan_file, record_file):
    with open(plan_file, encoding="utf-8") as source:
        plan = json.load(source)
    loop = asyncio.get_running_loop()
    start, start_ns = loop.time() + LEAD_IN_S, time.time_ns() + round(LEAD_IN_S * 1e9)
    talks = [Conversation(one, tuple(plan["service"]), start) for one in plan["connections"]]
    tasks = [loop.create_task(talk.run()) for talk in talks]
    print("go", flush=True)
    await asyncio.sleep(LEAD_IN_S + plan["end_s"])
    for task in tasks:
        if task.done():
            task.result()
    with open(record_file, "w", encoding="utf-8") as out:
        json.dump({"start_ns": start_ns, "connections": [talk.record for talk in talks]}, out)
    print("done", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
